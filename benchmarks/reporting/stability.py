"""Metrics of the accuracies on old tasks while a later one is trained, in percent.

L[i][j], j < i, is the lowest accuracy on task j at the end of any epoch of task i, or R[i][j] where
that is lower: what a method does at the end of a task belongs to it. Recorded where the spec has
``protocol.track_old_tasks``.

The measures are those of De Lange, van de Ven & Tuytelaars (2023), "Continual evaluation for
lifelong learning: identifying the stability gap". They evaluate after every iteration, we after
every epoch: what falls and recovers within one is not seen, so min-ACC here is at least theirs.
"""

from __future__ import annotations

from benchmarks.record_parts import Matrix, Percent
from benchmarks.reporting.metrics import ONE_TASK, Undefined, Value, mean, read

NOT_RECORDED = Undefined("not recorded: set protocol.track_old_tasks = true")


def min_accuracy(matrix: Matrix, lowest: Matrix | None) -> Value:
    """min-ACC = 1/(T-1) sum_{j<T} min_{i>j} L[i][j], L[i][j] the lowest accuracy on j in task i.

    Source. De Lange et al. 2023 (their min-ACC at the last task); theirs is the lowest over
    iterations, ours over ends of epochs.

    Undefined. With one task; for joint; where protocol.track_old_tasks was not set.
    """
    lows = _lows(matrix, lowest)
    if isinstance(lows, Undefined):
        return lows
    return mean(
        [min(lows[i, j] for i in range(j + 1, len(matrix))) for j in range(len(matrix) - 1)]
    )


def worst_case_accuracy(matrix: Matrix, lowest: Matrix | None) -> Value:
    """WC-ACC = 1/T R[T][T] + (1 - 1/T) min-ACC.

    Source. De Lange et al. 2023 (their WC-ACC at the end); epochs as in min-ACC.

    Undefined. As min-ACC.
    """
    old = min_accuracy(matrix, lowest)
    if isinstance(old, Undefined):
        return old
    newest = read(matrix, [(len(matrix) - 1, len(matrix) - 1)])
    if isinstance(newest, Undefined):
        return newest
    return (newest[0] + (len(matrix) - 1) * old) / len(matrix)


def stability_gap(matrix: Matrix, lowest: Matrix | None) -> Value:
    """2/(T(T-1)) sum_{j<i} (R[i-1][j] - L[i][j]): how far old tasks fall in a later one.

    Also what does not come back counts: forgetting is part of it.

    Source. Ours, of the fall that De Lange et al. 2023 name the stability gap and show as curves.

    Undefined. As min-ACC.
    """
    lows = _lows(matrix, lowest)
    if isinstance(lows, Undefined):
        return lows
    before = read(matrix, [(i - 1, j) for i, j in lows])
    if isinstance(before, Undefined):
        return before
    return mean([b - low for b, low in zip(before, lows.values(), strict=True)])


def _lows(matrix: Matrix, lowest: Matrix | None) -> dict[tuple[int, int], Percent] | Undefined:
    """L[i][j] at (i, j), 0-based, for every j < i."""
    if len(matrix) == 1:
        return ONE_TASK
    first = read(matrix, [(i, i) for i in range(min(1, len(matrix)))])
    if isinstance(first, Undefined):  # in no run of joint could it be recorded
        return first
    if lowest is None:
        return NOT_RECORDED
    cells = [(i, j) for i in range(len(matrix)) for j in range(i)]
    after = read(matrix, cells)
    if isinstance(after, Undefined):
        return after
    during = [lowest[i][j] for i, j in cells]
    if None in during:
        task = cells[during.index(None)][0]
        return Undefined(f"old tasks were not evaluated while task {task + 1} was trained")
    known = [low for low in during if low is not None]
    return dict(zip(cells, map(min, after, known), strict=True))
