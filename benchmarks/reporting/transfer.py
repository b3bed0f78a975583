"""Metrics that hold a run against another net: one that knows nothing, or one that keeps all data.

Notation as in `metrics`.
"""

from __future__ import annotations

from benchmarks.record_parts import Matrix, Percent
from benchmarks.reporting.metrics import NO_TASKS, ONE_TASK, Undefined, Value, mean, read


def forward_transfer(
    forward_accuracy: list[Percent | None], initial_accuracy: list[Percent | None]
) -> Value:
    """FWT = 1/(T-1) sum_{j>=2} (R[j-1][j] - b[j]), b[j] the accuracy of the untrained net.

    Source. Lopez-Paz & Ranzato 2017, eq. 4.

    Undefined. With one task; in class-incremental streams, where classes not seen yet cannot be
    predicted; for joint, which learns all tasks at once.
    """
    if len(initial_accuracy) == 1:
        return ONE_TASK
    gains = []
    # R[j-1][j] is the j-th of `forward_accuracy`, b[j] of `initial_accuracy`.
    for j, (before, untrained) in enumerate(zip(forward_accuracy, initial_accuracy, strict=True)):
        if j == 0:
            continue
        if before is None:
            return Undefined(f"accuracy on task {j + 1} before training on it was not recorded")
        if untrained is None:
            return Undefined(f"accuracy of the untrained net on task {j + 1} was not recorded")
        gains.append(before - untrained)
    return mean(gains) if gains else NO_TASKS


def intransigence(matrix: Matrix, reference: Matrix | Undefined) -> Value:
    """I = 1/T sum_k (a*[k] - R[k][k]), a*[k] the R[k][k] of a run of cumulative.

    A method that gives up its old tasks can learn the new one better than cumulative: read it
    beside forgetting.

    Source. Chaudhry et al. 2018, eq. 4, where the reference is trained on the data of tasks 1 to k
    together; they print I at the last task alone, the mean over tasks is ours.

    Undefined. For joint, which has no R[k][k]; for cumulative itself; where no finished run of
    cumulative has the same stream, images, backbone, evaluation, precision and seeds.
    """
    diagonal = [(k, k) for k in range(len(matrix))]
    learned = read(matrix, diagonal)
    if isinstance(learned, Undefined):
        return learned
    best = reference if isinstance(reference, Undefined) else read(reference, diagonal)
    if isinstance(best, Undefined):
        return best
    return mean([b - a for a, b in zip(learned, best, strict=True)])
