"""What each method scores and costs, and which methods no other beats in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.records import RunRecord
from benchmarks.reporting.order import UPPER_BOUNDS
from benchmarks.reporting.registry import METRICS
from benchmarks.reporting.stats import Summary, summarise


@dataclass(frozen=True)
class Point:
    """A method in the plane of cost and accuracy, both means over runs."""

    label: str
    cost: float
    """In the unit of its metric: seconds or bytes."""
    acc: Summary
    """ACC, percent."""
    competes: bool = True
    """Whether it can be on the front: an upper bound cannot."""


def points(runs: Mapping[str, Sequence[RunRecord]], cost: str) -> list[Point]:
    """A point a method, from its runs that have an ACC and the metric `cost`; no run, no point."""
    found, costless = [], levels(runs)
    for label, records in runs.items():
        if label in costless:
            continue
        both = [(_value(r, "acc"), _value(r, cost)) for r in records]
        pairs = [(acc, paid) for acc, paid in both if acc is not None and paid is not None]
        if pairs:
            found.append(
                Point(
                    label,
                    summarise([paid for _, paid in pairs]).mean,
                    summarise([acc for acc, _ in pairs]),
                    records[0].spec["strategy"] not in UPPER_BOUNDS,
                )
            )
    return found


def levels(runs: Mapping[str, Sequence[RunRecord]]) -> dict[str, Summary]:
    """ACC of the upper bounds that train once, on all tasks (`joint`): they have no cost a task."""
    found = {}
    for label, records in runs.items():
        bound = [r for r in records if r.spec["strategy"] in UPPER_BOUNDS]
        known = [acc for r in bound if (acc := _value(r, "acc")) is not None]
        if known and all(_value(r, "seconds_per_task") is None for r in bound):
            found[label] = summarise(known)
    return found


def front(of: Iterable[Point]) -> list[Point]:
    """The points that compete and that none dominates, by rising cost.

    A point dominates another where it costs no more and scores no less, and one of the two is
    better. Of equal points all are on the front or none.
    """
    rivals = [point for point in of if point.competes]
    best = [point for point in rivals if not any(_dominates(other, point) for other in rivals)]
    return sorted(best, key=lambda point: (point.cost, point.acc.mean, point.label))


def _dominates(one: Point, other: Point) -> bool:
    no_worse = one.cost <= other.cost and one.acc.mean >= other.acc.mean
    return no_worse and (one.cost, one.acc.mean) != (other.cost, other.acc.mean)


def _value(record: RunRecord, metric: str) -> float | None:
    value = METRICS[metric].of(record)
    return value if isinstance(value, float | int) else None
