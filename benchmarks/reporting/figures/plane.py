"""Each method in the plane of plasticity and stability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.records import RunRecord
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.order import UPPER_BOUNDS
from benchmarks.reporting.registry import METRICS
from benchmarks.reporting.stats import Summary, summarise


@dataclass(frozen=True)
class Place:
    """A method: BWT and learning accuracy over the runs that have both."""

    label: str
    bwt: Summary
    learned: Summary
    competes: bool
    """Whether it sees earlier data like the others: an upper bound does not compete."""


def places(runs: Mapping[str, Sequence[RunRecord]]) -> list[Place]:
    """A place a method, from its runs that have both metrics; no run, no place."""
    found = []
    for label, records in runs.items():
        pairs = [pair for record in records if (pair := _pair(record)) is not None]
        if pairs:
            found.append(
                Place(
                    label,
                    summarise([x for x, _ in pairs]),
                    summarise([y for _, y in pairs]),
                    records[0].spec["strategy"] not in UPPER_BOUNDS,
                )
            )
    return found


def undominated(of: Sequence[Place]) -> list[Place]:
    """The competing places that no other competing one dominates, the greatest BWT + LA first.

    One dominates another where its BWT and LA are no less, and one of the two is greater.
    """
    rivals = {place.label: place for place in of if place.competes}
    at = {label: _rounded(place) for label, place in rivals.items()}
    best = [
        label
        for label, (bwt, learned) in at.items()
        if not any(x >= bwt and y >= learned and (x, y) != (bwt, learned) for x, y in at.values())
    ]
    return [rivals[label] for label in sorted(best, key=lambda label: (-sum(at[label]), label))]


def _rounded(place: Place) -> tuple[float, float]:
    """BWT and LA without the errors of adding up, by which no method beats another."""
    return round(place.bwt.mean, 6), round(place.learned.mean, 6)


def misplaced(runs: Mapping[str, Sequence[RunRecord]]) -> dict[str, str]:
    """The methods without a place, and why: {"joint": "accuracy on task 1 ... not recorded"}."""
    placed = {place.label for place in places(runs)}
    return {
        label: next(
            value.reason
            for record in records
            for metric in ("bwt", "learning_accuracy")
            if isinstance(value := METRICS[metric].of(record), Undefined)
        )
        for label, records in runs.items()
        if label not in placed
    }


def equal_acc(acc: float, bwt: float, tasks: int) -> float:
    """Learning accuracy at which a method of this BWT has this ACC over so many tasks, percent.

    ACC = LA + BWT (T - 1) / T, since both sides sum R[T][j]: a line in the plane.
    """
    return acc - bwt * (tasks - 1) / tasks


def _pair(record: RunRecord) -> tuple[float, float] | None:
    bwt, learned = METRICS["bwt"].of(record), METRICS["learning_accuracy"].of(record)
    if isinstance(bwt, Undefined) or isinstance(learned, Undefined):
        return None
    return bwt, learned
