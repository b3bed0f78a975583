"""Runs that may mean something else than their numbers say: each named, none judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.records import RunRecord, scenario_of
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.order import NULL_SPACE
from benchmarks.reporting.setting import schedule, setting
from benchmarks.reporting.specs import at

MARGIN = 5.0
"""Points above chance that a task just trained on has to reach."""


def suspicions(collection: Collection, stream: str) -> list[str]:
    """A line for each of these, in table order:

    - runs that failed or diverged;
    - runs with a task that was hardly learned: R[j][j] < chance + `MARGIN`;
    - methods of `NULL_SPACE` whose mean ACC is not above that of `frozen` in the same setting
      (stream, images, backbone, evaluation): their trunk is worth no more than a frozen one. Where
      `frozen` was never trained by the method's own schedule, the line says how they differ.
    """
    runs = collection.of_stream(stream)
    lines = []
    for run, row in runs.iterrows():
        named = f"{row['label']} (seed {row['seed']})"
        if row["status"] != "finished":
            lines.append(f"{named} {row['status']}: {row['error'] or 'no message was stored'}")
        lines += [f"{named}: {what}" for what in _hardly_learned(collection.records[str(run)])]
    return [*lines, *_not_above_frozen(collection, stream)]


def _hardly_learned(record: RunRecord) -> Iterator[str]:
    low = [
        (task, accuracy, chance)
        for task, chance in enumerate(_chances(record))
        if (accuracy := record.accuracy_matrix[task][task]) is not None
        and accuracy < chance + MARGIN
    ]
    if low:
        task, accuracy, chance = low[0]
        others = f" and {len(low) - 1} more" if low[1:] else ""
        yield (
            f"task {task + 1}{others} hardly learned: {accuracy:.1f} % just after training on it, "
            f"chance is {chance:.1f} %"
        )


def _chances(record: RunRecord) -> list[float]:
    """Percent of right guesses at each task when it has just been trained; none if not known."""
    classes = [len(task) for task in record.stream.get("classes", [])]
    if len(classes) != len(record.accuracy_matrix):
        return []
    if scenario_of(record.spec["stream"]) == "cil":
        classes = [sum(classes[: task + 1]) for task in range(len(classes))]
    return [100 / count for count in classes]


def _not_above_frozen(collection: Collection, stream: str) -> Iterator[str]:
    runs = collection.of_stream(stream)
    finished = runs[runs["status"] == "finished"].dropna(subset=["acc"])
    rows = [
        _Row(
            str(label),
            str(own["strategy"].iloc[0]),
            float(own["acc"].mean()),
            collection.records[str(own.index[0])],
        )
        for label, own in finished.groupby("label", sort=False)
    ]
    for row in rows:
        if row.strategy not in NULL_SPACE:
            continue
        for floor in _floors(row, rows):
            if row.acc <= floor.acc:
                yield (
                    f"{row.label}: ACC {row.acc:.2f} is not above that of {floor.label}, "
                    f"{floor.acc:.2f}: its trunk adds nothing to its heads (frozen too, or "
                    f"forgetting){_other_schedule(row, floor)}"
                )


@dataclass(frozen=True)
class _Row:
    label: str
    strategy: str
    acc: float
    record: RunRecord


def _floors(row: _Row, rows: list[_Row]) -> list[_Row]:
    """The rows of `frozen` to beat: those of the same schedule, or all where there is none."""
    floors = [
        floor
        for floor in rows
        if floor.strategy == "frozen" and setting(floor.record) == setting(row.record)
    ]
    return [f for f in floors if schedule(f.record) == schedule(row.record)] or floors


def _other_schedule(row: _Row, floor: _Row) -> str:
    own, other = schedule(row.record), schedule(floor.record)
    differing = [
        f"{key} {at(own, key)} against {at(other, key)}"
        for key in sorted(own.keys() | other.keys())
        if own.get(key) != other.get(key)
    ]
    return f"; their schedules differ: {', '.join(differing)}" if differing else ""
