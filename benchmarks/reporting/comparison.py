"""Measured means against published ones, too high being as far off as too low."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.reporting.collect import Collection
from benchmarks.reporting.comparability import departures, obstacles
from benchmarks.reporting.published import COMPARED, Published
from benchmarks.reporting.published_entries import Value
from benchmarks.reporting.stats import Summary, difference_half_width, summarise

Verdict = Literal["within", "off", "not comparable", "no runs"]

REPEATS = 3
"""Runs on both sides from which the spread over runs counts: the 95 % interval of two is so wide
that it would hold nearly any difference."""


@dataclass(frozen=True)
class Comparison:
    """A published value, and the runs of one method (one spec, over seeds) beside it."""

    value: Value
    label: str
    """The method's, as in the tables; the strategy's name where it has no finished run."""
    measured: dict[str, Summary]
    """Of every metric in `COMPARED` that the runs have: ACC at least, or nothing."""
    obstacles: tuple[str, ...]
    """Why they cannot be compared; empty: they can."""
    departures: tuple[str, ...]
    """In what else the published number was got differently."""
    tolerance: float

    def difference(self, metric: str) -> float | None:
        """Measured - published, points, to the two digits that are printed; None: no such pair."""
        published = self.value.estimate(metric)
        if published is None or metric not in self.measured:
            return None
        return round(self.measured[metric].mean - published.mean, 2)

    def half_width(self, metric: str) -> float | None:
        """That of the 95 % interval of the difference; None below `REPEATS` runs on a side."""
        there, here = self.value.estimate(metric), self.measured.get(metric)
        if there is None or here is None or there.n is None:
            return None
        if there.std is None or here.std is None or min(there.n, here.n) < REPEATS:
            return None
        return difference_half_width(there.std, there.n, here.std, here.n)

    def is_off(self, metric: str) -> bool:
        """Whether the difference is beyond the tolerance and, where known, the 95 % interval."""
        difference = self.difference(metric)
        if difference is None or abs(difference) <= self.tolerance:
            return False
        half = self.half_width(metric)
        return half is None or abs(difference) > half

    @property
    def verdict(self) -> Verdict:
        """``off`` where ACC or BWT is, ``within`` where neither is."""
        if not self.measured:
            return "no runs"
        if self.obstacles:
            return "not comparable"
        return "off" if any(self.is_off(metric) for metric in COMPARED) else "within"


def compare(collection: Collection, stream: str, published: Published) -> list[Comparison]:
    """Every published value of a stream with every method that has it: methods in table order,
    values in the file's, those without a finished run last."""
    runs = collection.of_stream(stream)
    finished = runs[runs["status"] == "finished"].dropna(subset=["acc"])
    compared, absent = [], []
    values = published.of_stream(stream)
    for label, own in finished.groupby("label", sort=False):
        record = collection.records[str(own.index[0])]
        measured = {
            metric: summarise(known)
            for metric in COMPARED
            if (known := own[metric].dropna().tolist())
        }
        for value in values:
            if value.strategy == record.spec["strategy"]:
                protocol = published.protocols[value.protocol]
                compared.append(
                    Comparison(
                        value,
                        str(label),
                        measured,
                        tuple(obstacles(protocol, record)),
                        tuple(departures(protocol, record)),
                        published.tolerance_of(value),
                    )
                )
    run = set(finished["strategy"])
    for value in values:
        if value.strategy not in run:
            absent.append(
                Comparison(value, value.strategy, {}, (), (), published.tolerance_of(value))
            )
    return compared + absent
