"""What each layer had in each task: free directions, and how much old outputs changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.record_parts import TaskRecord
from benchmarks.records import RunRecord

Array = NDArray[np.float64]

QUANTITIES: dict[str, Callable[[TaskRecord], Mapping[str, float]]] = {
    "rank": lambda task: task.ranks,
    "interference": lambda task: task.interference,
    "interference_bound": lambda task: task.interference_bound,
}


def layers(runs: Mapping[str, Sequence[RunRecord]]) -> list[str]:
    """All layers that any run recorded, from the input to the output."""
    found: set[str] = set()
    longest: list[str] = []
    for task in (task for records in runs.values() for r in records for task in r.tasks):
        of_task = list(dict.fromkeys(layer for read in QUANTITIES.values() for layer in read(task)))
        found.update(of_task)
        longest = max(longest, of_task, key=len)
    return longest + sorted(found - set(longest))


def courses(
    records: Sequence[RunRecord], quantity: str, of_net: Sequence[str]
) -> tuple[Array, Array]:
    """Mean and standard deviation (0 of one run) over the runs, both tasks x layers.

    NaN where no run has the layer.
    """
    read = QUANTITIES[quantity]
    place = {layer: number for number, layer in enumerate(of_net)}
    tasks = max(len(record.tasks) for record in records)
    values = np.full((len(records), tasks, len(of_net)), np.nan)
    for run, record in enumerate(records):
        for number, task in enumerate(record.tasks):
            for layer, value in read(task).items():
                values[run, number, place[layer]] = value
    count = (~np.isnan(values)).sum(axis=0)
    mean = np.nansum(values, axis=0) / np.where(count, count, np.nan)
    squares = np.nansum((values - mean) ** 2, axis=0)
    return mean, np.where(count, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def has(records: Sequence[RunRecord], quantity: str) -> bool:
    """Whether a run recorded it other than as 0 in every layer: then nothing could change."""
    read = QUANTITIES[quantity]
    return any(value > 0 for r in records for task in r.tasks for value in read(task).values())
