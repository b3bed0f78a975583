"""What holds between the metrics of any accuracy matrix."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting_records import shifted

from benchmarks.record_parts import Matrix
from benchmarks.reporting import metrics, stability
from benchmarks.reporting.metrics import Value
from benchmarks.reporting.transfer import intransigence

CLOSE = 1e-9


@st.composite
def matrices(draw: st.DrawFn, low: int = 0, high: int = 100) -> Matrix:
    """Lower triangles of 2 to 6 tasks, in halves of a percent."""
    size = draw(st.integers(2, 6))
    accuracy = st.integers(2 * low, 2 * high).map(lambda value: value / 2)
    return [[draw(accuracy) if j <= i else None for j in range(size)] for i in range(size)]


@st.composite
def tracked(draw: st.DrawFn) -> tuple[Matrix, Matrix]:
    """A matrix, and below its diagonal the lowest accuracies of epochs."""
    matrix = draw(matrices())
    accuracy = st.integers(0, 100).map(float)
    size = range(len(matrix))
    return matrix, [[draw(accuracy) if j < i else None for j in size] for i in size]


def number(value: Value) -> float:
    assert isinstance(value, float)
    return value


@given(matrices())
def test_forgetting_is_at_least_what_was_lost_since_a_task_was_learned(matrix: Matrix) -> None:
    assert number(metrics.forgetting(matrix)) >= -number(metrics.backward_transfer(matrix)) - CLOSE


@given(matrices())
def test_final_accuracy_is_plasticity_and_what_came_after(matrix: Matrix) -> None:
    earlier = (len(matrix) - 1) / len(matrix)
    assert number(metrics.average_accuracy(matrix)) == pytest.approx(
        number(metrics.learning_accuracy(matrix))
        + earlier * number(metrics.backward_transfer(matrix))
    )


@given(matrices(low=1))
def test_at_most_everything_is_forgotten(matrix: Matrix) -> None:
    assert number(metrics.relative_forgetting(matrix)) <= 100
    lost: Matrix = [*matrix[:-1], [0.0] * len(matrix)]
    assert metrics.relative_forgetting(lost) == 100


@given(matrices(low=1))
def test_a_share_of_the_best_is_no_less_than_the_points(matrix: Matrix) -> None:
    last = [min(a, b or 0.0) for a, b in zip(*matrix[-2:], strict=True) if a is not None]
    fallen: Matrix = [*matrix[:-1], [*last, 50.0]]
    points = number(metrics.forgetting(fallen))
    assert number(metrics.relative_forgetting(fallen)) >= points - CLOSE


@given(matrices(low=1), st.sampled_from([0.25, 0.5, 0.75]))
def test_relative_forgetting_does_not_change_with_the_scale(matrix: Matrix, scale: float) -> None:
    scaled = [[None if value is None else scale * value for value in row] for row in matrix]
    assert number(metrics.relative_forgetting(scaled)) == pytest.approx(
        number(metrics.relative_forgetting(matrix))
    )


LEVELS = (
    metrics.average_accuracy,
    metrics.learning_accuracy,
    metrics.average_incremental_accuracy,
)
DIFFERENCES = (metrics.backward_transfer, metrics.forgetting)


@given(matrices(high=60), st.integers(0, 40), st.sampled_from(LEVELS))
def test_levels_move_with_all_accuracies(
    matrix: Matrix, by: int, level: Callable[[Matrix], Value]
) -> None:
    assert number(level(shifted(matrix, by))) == pytest.approx(number(level(matrix)) + by)


@given(matrices(high=60), st.integers(0, 40), st.sampled_from(DIFFERENCES))
def test_differences_do_not(matrix: Matrix, by: int, difference: Callable[[Matrix], Value]) -> None:
    moved = number(difference(shifted(matrix, by)))
    assert moved == pytest.approx(number(difference(matrix)), abs=CLOSE)
    assert intransigence(matrix, shifted(matrix, by)) == pytest.approx(by)


@given(st.integers(2, 6), st.integers(1, 100))
def test_a_net_that_never_changes_has_one_number(size: int, level: int) -> None:
    matrix: Matrix = [[float(level)] * (i + 1) + [None] * (size - i - 1) for i in range(size)]
    for metric in LEVELS:
        assert metric(matrix) == pytest.approx(level)
    for metric in (*DIFFERENCES, metrics.relative_forgetting):
        assert metric(matrix) == 0
    assert stability.min_accuracy(matrix, matrix) == level
    assert stability.stability_gap(matrix, matrix) == 0


@given(tracked())
def test_the_worst_case_is_below_the_end_and_the_gap_above_forgetting(
    both: tuple[Matrix, Matrix],
) -> None:
    matrix, lowest = both
    worst = number(stability.worst_case_accuracy(matrix, lowest))
    assert worst <= number(metrics.average_accuracy(matrix)) + CLOSE
    gap = number(stability.stability_gap(matrix, lowest))
    assert gap >= number(stability.stability_gap(matrix, matrix)) - CLOSE
    assert number(stability.min_accuracy(matrix, lowest)) <= number(
        stability.min_accuracy(matrix, matrix)
    )
