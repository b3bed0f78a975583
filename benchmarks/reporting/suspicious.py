"""Runs that may mean something else than their numbers say: each named, none judged."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.records import RunRecord, scenario_of
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.order import NULL_SPACE
from benchmarks.reporting.specs import Flat, flatten

MARGIN = 5.0
"""Points above chance that a task just trained on has to reach."""


def suspicions(collection: Collection, stream: str) -> list[str]:
    """A line for each of these, in table order:

    - runs that failed or diverged;
    - runs with a task that was hardly learned: R[j][j] < chance + `MARGIN`;
    - methods of `NULL_SPACE` whose mean ACC is not above that of `frozen` in the same setting
      (stream, backbone, protocol): their trunk is worth no more than a frozen one.
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
        (str(label), str(own["strategy"].iloc[0]), float(own["acc"].mean()), str(own.index[0]))
        for label, own in finished.groupby("label", sort=False)
    ]
    for label, strategy, acc, run in rows:
        if strategy not in NULL_SPACE:
            continue
        for floor, other, floor_acc, floor_run in rows:
            if other != "frozen" or _setting(collection, run) != _setting(collection, floor_run):
                continue
            if acc <= floor_acc:
                yield (
                    f"{label}: ACC {acc:.2f} is not above that of {floor}, {floor_acc:.2f}: its "
                    f"trunk adds nothing to its heads (frozen too, or forgetting)"
                )


def _setting(collection: Collection, run: str) -> Flat:
    """What two runs share that may be held against each other; methods choose their optimiser."""
    return {
        key: value
        for key, value in flatten(collection.records[run].spec).items()
        if key.partition(".")[0]
        in ("stream", "stream_args", "class_order", "backbone", "backbone_args", "protocol")
    }
