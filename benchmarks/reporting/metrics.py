"""Continual-learning metrics: pure functions of what a run stored, in percent.

Notation, 1-based as in the papers: T tasks, R[i][j] the test accuracy on task j after
training on task i. A metric that a run cannot give is `Undefined` with the reason, never a
number: `joint` has no row but the last, a failed run lacks its last rows, and with one task
nothing can be forgotten.

To add a metric, write its function and add a line to `METRICS` in `registry`: the tables compute
it for old runs as well. Its docstring is what docs/metrics.md and the report say of it; see
`definitions`.
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
    """ACC = 1/T sum_j R[T][j].

    Source. Lopez-Paz & Ranzato 2017, eq. 2.
    """
    last = len(matrix) - 1
    final = read(matrix, ((last, j) for j in range(len(matrix))))
    return final if isinstance(final, Undefined) else mean(final)


def backward_transfer(matrix: Matrix) -> Value:
    """BWT = 1/(T-1) sum_{j<T} (R[T][j] - R[j][j]).

    Source. Lopez-Paz & Ranzato 2017, eq. 3.

    Undefined. With one task; for joint, which has no accuracy but the last.
    """
    earlier = range(len(matrix) - 1)
    if len(matrix) == 1:
        return ONE_TASK
    final = read(matrix, ((len(matrix) - 1, j) for j in earlier))
    learned = read(matrix, ((j, j) for j in earlier))
    if isinstance(final, Undefined):
        return final
    if isinstance(learned, Undefined):
        return learned
    return mean([after - before for after, before in zip(final, learned, strict=True)])


def forgetting(matrix: Matrix) -> Value:
    """F = 1/(T-1) sum_{j<T} (max_{j<=i<T} R[i][j] - R[T][j]).

    It differs from -BWT where a task was at its best after a later task.

    Source. Chaudhry et al. 2018, eq. 2-3; their maximum is over all i < T, but before task j has
    been trained nothing of it can be forgotten.

    Undefined. As BWT.
    """
    falls = _falls(matrix)
    if isinstance(falls, Undefined):
        return falls
    return mean([best - final for best, final in falls])


def relative_forgetting(matrix: Matrix) -> Value:
    """1/(T-1) sum_{j<T} f_j / max_{j<=i<T} R[i][j], f_j the summands of forgetting; in percent.

    It tells 5 points lost of 10 from 5 points lost of 90.

    Source. Ours, after Chaudhry et al. 2018, eq. 2.

    Undefined. As BWT; where an earlier task never rose above 0 %.
    """
    falls = _falls(matrix)
    if isinstance(falls, Undefined):
        return falls
    shares = []
    for j, (best, final) in enumerate(falls):
        if best == 0:
            return Undefined(f"accuracy on task {j + 1} was never above 0: no share of it is lost")
        shares.append(100 * (best - final) / best)
    return mean(shares)


def learning_accuracy(matrix: Matrix) -> Value:
    """LA = 1/T sum_j R[j][j]: plasticity.

    Source. Riemer et al. 2019 (their LA).

    Undefined. For joint, which learns all tasks at once.
    """
    learned = read(matrix, ((j, j) for j in range(len(matrix))))
    return learned if isinstance(learned, Undefined) else mean(learned)


def accuracy_so_far(matrix: Matrix) -> list[Percent | None]:
    """A[i] = 1/i sum_{j<=i} R[i][j] for every i, percent; None where a row lacks a number.

    The average accuracy at task i of Chaudhry et al. (2018): the curve of the figures.
    """
    course: list[Percent | None] = []
    for i, row in enumerate(matrix):
        seen = [value for value in row[: i + 1] if value is not None]
        course.append(mean(seen) if len(seen) == i + 1 else None)
    return course


def average_incremental_accuracy(matrix: Matrix) -> Value:
    """AIA = 1/T sum_i A[i] with A[i] = 1/i sum_{j<=i} R[i][j].

    Source. Rebuffi et al. 2017; their A[i] is over all samples of the classes so far, which is the
    same where tasks have equally many.

    Undefined. For joint, which has no A[i] but the last.
    """
    averages = accuracy_so_far(matrix)
    if None in averages:
        after = averages.index(None)
        return _missing(matrix, after, matrix[after].index(None))
    return mean([average for average in averages if average is not None]) if averages else NO_TASKS


NO_TASKS = Undefined("the record has no tasks")


def _falls(matrix: Matrix) -> list[tuple[Percent, Percent]] | Undefined:
    """(best accuracy before the last task, final accuracy) of each task but the last."""
    last = len(matrix) - 1
    if len(matrix) == 1:
        return ONE_TASK
    falls = []
    for j, column in enumerate(list(zip(*matrix, strict=True))[:-1]):
        course = [value for value in column[j:] if value is not None]
        if len(course) <= last - j:
            return _missing(matrix, j + column[j:].index(None), j)
        falls.append((max(course[:-1]), course[-1]))
    return falls or NO_TASKS


def read(matrix: Matrix, cells: Iterable[tuple[int, int]]) -> list[Percent] | Undefined:
    """The entries at (after, task), 0-based; `Undefined` if any was not recorded."""
    cells = list(cells)
    values = [matrix[after][task] for after, task in cells]
    if None in values:
        return _missing(matrix, *cells[values.index(None)])
    return [value for value in values if value is not None] or NO_TASKS


def _missing(matrix: Matrix, after: int, task: int) -> Undefined:
    recorded = [any(value is not None for value in row) for row in matrix]
    if recorded[-1] and not any(recorded[:-1]):
        return Undefined("trained once, on all tasks together: only final accuracies exist")
    return Undefined(f"accuracy on task {task + 1} after task {after + 1} was not recorded")


def mean(values: list[float]) -> float:
    """Their arithmetic mean."""
    return sum(values) / len(values)
