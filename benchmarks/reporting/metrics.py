"""Continual-learning metrics: pure functions of what a run stored, in percent.

Notation, 1-based as in the papers: T tasks, R[i][j] the test accuracy on task j after
training on task i. A metric that a run cannot give is `Undefined` with the reason, never a
number: `joint` has no row but the last, a failed run lacks its last rows, and with one task
nothing can be forgotten.

To add a metric, write its function and add a line to `METRICS` in `registry`: the tables compute
it for old runs as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.record_parts import Matrix, Percent


@dataclass(frozen=True)
class Undefined:
    """In place of a number: why this run has no such metric."""

    reason: str


Value = float | Undefined

ONE_TASK = Undefined("with one task there is no earlier task to compare with")


def average_accuracy(matrix: Matrix) -> Value:
    """ACC = 1/T sum_j R[T][j], percent (Lopez-Paz & Ranzato 2017, eq. 2)."""
    last = len(matrix) - 1
    final = _read(matrix, ((last, j) for j in range(len(matrix))))
    return final if isinstance(final, Undefined) else _mean(final)


def backward_transfer(matrix: Matrix) -> Value:
    """BWT = 1/(T-1) sum_{j<T} (R[T][j] - R[j][j]), points (Lopez-Paz & Ranzato 2017, eq. 3)."""
    earlier = range(len(matrix) - 1)
    if len(matrix) == 1:
        return ONE_TASK
    final = _read(matrix, ((len(matrix) - 1, j) for j in earlier))
    learned = _read(matrix, ((j, j) for j in earlier))
    if isinstance(final, Undefined):
        return final
    if isinstance(learned, Undefined):
        return learned
    return _mean([after - before for after, before in zip(final, learned, strict=True)])


def forgetting(matrix: Matrix) -> Value:
    """F = 1/(T-1) sum_{j<T} (max_{j<=i<T} R[i][j] - R[T][j]), points (Chaudhry et al. 2018).

    Their eq. 2-3. It differs from -BWT where a task was at its best after a later task.
    """
    last = len(matrix) - 1
    if len(matrix) == 1:
        return ONE_TASK
    drops = []
    for j in range(last):
        course = _read(matrix, ((i, j) for i in range(j, last + 1)))
        if isinstance(course, Undefined):
            return course
        drops.append(max(course[:-1]) - course[-1])
    return _mean(drops) if drops else _NO_TASKS


def learning_accuracy(matrix: Matrix) -> Value:
    """LA = 1/T sum_j R[j][j], percent: plasticity (Riemer et al. 2019, section 4.1)."""
    learned = _read(matrix, ((j, j) for j in range(len(matrix))))
    return learned if isinstance(learned, Undefined) else _mean(learned)


def accuracy_so_far(matrix: Matrix) -> list[Percent | None]:
    """A[i] = 1/i sum_{j<=i} R[i][j] for every i, percent; None where a row lacks a number.

    The average accuracy at task i of Chaudhry et al. (2018): the curve of the figures.
    """
    course: list[Percent | None] = []
    for i in range(len(matrix)):
        seen = _read(matrix, ((i, j) for j in range(i + 1)))
        course.append(None if isinstance(seen, Undefined) else _mean(seen))
    return course


def average_incremental_accuracy(matrix: Matrix) -> Value:
    """AIA = 1/T sum_i A[i], percent, A from `accuracy_so_far` (Rebuffi et al. 2017)."""
    missing = _read(matrix, ((i, j) for i in range(len(matrix)) for j in range(i + 1)))
    if isinstance(missing, Undefined):
        return missing
    return _mean([value for value in accuracy_so_far(matrix) if value is not None])


def forward_transfer(
    forward_accuracy: list[Percent | None], initial_accuracy: list[Percent | None]
) -> Value:
    """FWT = 1/(T-1) sum_{j>=2} (R[j-1][j] - b[j]), points (Lopez-Paz & Ranzato 2017, eq. 4).

    `forward_accuracy` holds R[j-1][j], the accuracy just before training on task j;
    `initial_accuracy` holds b[j], that of the untrained net.
    """
    if len(initial_accuracy) == 1:
        return ONE_TASK
    gains = []
    for j, (before, untrained) in enumerate(zip(forward_accuracy, initial_accuracy, strict=True)):
        if j == 0:
            continue
        if before is None:
            return Undefined(f"accuracy on task {j + 1} before training on it was not recorded")
        if untrained is None:
            return Undefined(f"accuracy of the untrained net on task {j + 1} was not recorded")
        gains.append(before - untrained)
    return _mean(gains) if gains else _NO_TASKS


_NO_TASKS = Undefined("the record has no tasks")


def _read(matrix: Matrix, cells: Iterable[tuple[int, int]]) -> list[Percent] | Undefined:
    """The entries at (after, task), 0-based; `Undefined` if any was not recorded."""
    values = []
    for after, task in cells:
        value = matrix[after][task]
        if value is None:
            return _missing(matrix, after, task)
        values.append(value)
    return values or _NO_TASKS


def _missing(matrix: Matrix, after: int, task: int) -> Undefined:
    recorded = [any(value is not None for value in row) for row in matrix]
    if recorded[-1] and not any(recorded[:-1]):
        return Undefined("trained once, on all tasks together: only final accuracies exist")
    return Undefined(f"accuracy on task {task + 1} after task {after + 1} was not recorded")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
