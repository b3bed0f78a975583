"""The table of all runs in a report: a row a run, a column a metric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.reporting.collect import Collection
from benchmarks.reporting.numbers import NOTHING, mean_and_std
from benchmarks.reporting.registry import METRICS, Metric

MANY = 2000
"""Runs beyond which the columns are those of the headline tables alone."""


@dataclass(frozen=True)
class RunRow:
    """One run as the table shows it."""

    id: str
    stream: str
    label: str
    strategy: str
    seed: str
    status: str
    cells: list[tuple[str, str]]
    """Of every column the text, and the number to sort by where the text does not begin with it."""


@dataclass(frozen=True)
class _One:
    mean: float
    std: float | None = None


def columns(collection: Collection) -> dict[str, Metric]:
    """The metrics that any run has, in the order of `METRICS`."""
    runs = collection.runs
    return {
        name: metric
        for name, metric in METRICS.items()
        if (len(runs) <= MANY or metric.shown == "headline") and runs[name].notna().any()
    }


def run_rows(collection: Collection, shown: dict[str, Metric]) -> Iterator[RunRow]:
    """Every run that has ended, in table order."""
    runs = collection.runs
    values = [runs[name].tolist() for name in shown]
    own = [runs[name].tolist() for name in ("stream", "label", "strategy", "seed", "status")]
    for number, run in enumerate(runs.index):
        stream, label, strategy, seed, status = (column[number] for column in own)
        cells = [
            _cell(column[number], metric)
            for column, metric in zip(values, shown.values(), strict=True)
        ]
        shown_seed = NOTHING if seed is None else str(seed)
        yield RunRow(str(run), stream, label, strategy, shown_seed, status, cells)


def _cell(value: float, metric: Metric) -> tuple[str, str]:
    if math.isnan(value):
        return NOTHING, ""
    return mean_and_std(_One(value), metric.unit), f"{value:.0f}" if metric.unit == "B" else ""
