"""Records made by hand: the numbers in the tests can be checked with a pencil."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.record_parts import Matrix, TaskRecord
from benchmarks.records import RunRecord
from benchmarks.reporting.published_entries import Protocol

MakeRecord = Callable[..., RunRecord]

# ACC (60 + 80 + 94) / 3 = 78; BWT ((60 - 90) + (80 - 92)) / 2 = -21;
# forgetting ((95 - 60) + (92 - 80)) / 2 = 23.5; LA (90 + 92 + 94) / 3 = 92;
# A = 90, (95 + 92) / 2 = 93.5, 78.
HAND: Matrix = [[90.0, None, None], [95.0, 92.0, None], [60.0, 80.0, 94.0]]

JOINT: Matrix = [[None, None, None], [None, None, None], [96.0, 97.0, 98.0]]

CUT_OFF: Matrix = [[90.0, None, None], [None, None, None], [None, None, None]]


def shifted(matrix: Matrix, by: float) -> Matrix:
    """The matrix with `by` added to every accuracy."""
    return [[None if value is None else value + by for value in row] for row in matrix]


def task(**changes: Any) -> TaskRecord:
    values: dict[str, Any] = {
        "train_s": 2.0,
        "consolidate_s": 0.5,
        "eval_s": 0.25,
        "cpu_s": 2.5,
        "epochs": 10,
        "trainable_parameters": 1000,
        "state_bytes": 2048,
        "peak_memory_bytes": 10**8,
    }
    return TaskRecord(**(values | changes))


def square(acc: float, bwt: float = 0.0, tasks: int = 10) -> Matrix:
    """A matrix of that ACC and BWT, every task alike."""
    last = tasks - 1
    matrix: Matrix = [[None] * tasks for _ in range(tasks)]
    for j in range(last):
        matrix[j][j] = acc - bwt
    matrix[last] = [acc] * tasks
    return matrix


def made_as(protocol: Protocol, tasks: int = 10) -> dict[str, Any]:
    """Arguments of `make` for a run that was made as a published number was."""
    tables: dict[str, Any] = {}
    for key, value in protocol.spec.items():
        table, _, name = key.partition(".")
        if name:
            tables.setdefault(table, {})[name] = value
        else:
            tables[table] = value
    stream = tables.pop("stream")
    return {
        "spec": tables,
        "described": {
            "classes": [[0] * stream["classes_per_task"]] * tasks,
            "samples": [stream["samples_per_task"]] * tasks,
        },
    }
