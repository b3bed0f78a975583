"""Every metric on the matrix worked out by hand in reporting_records.py."""

from __future__ import annotations

import pytest
from reporting_records import CUT_OFF, HAND, JOINT

from benchmarks.record_parts import Matrix
from benchmarks.reporting import metrics
from benchmarks.reporting.metrics import Undefined

OF_MATRIX = {
    metrics.average_accuracy: 78.0,
    metrics.backward_transfer: -21.0,
    metrics.forgetting: 23.5,
    metrics.relative_forgetting: 100 * (35 / 95 + 12 / 92) / 2,
    metrics.learning_accuracy: 92.0,
    metrics.average_incremental_accuracy: (90 + 93.5 + 78) / 3,
}


@pytest.mark.parametrize(("metric", "expected"), OF_MATRIX.items())
def test_worked_example(metric, expected: float) -> None:
    assert metric(HAND) == pytest.approx(expected)


def test_forgetting_is_measured_from_the_best_accuracy_not_the_first() -> None:
    assert metrics.forgetting(HAND) != -metrics.backward_transfer(HAND)
    monotone: Matrix = [[90.0, None], [70.0, 80.0]]
    assert metrics.forgetting(monotone) == -metrics.backward_transfer(monotone) == 20


def test_forgetting_of_a_task_that_improved_is_negative() -> None:
    assert metrics.forgetting([[70.0, None], [75.0, 80.0]]) == -5
    # 25 points more than the 50 of before.
    assert metrics.relative_forgetting([[50.0, None], [75.0, 80.0]]) == -50


@pytest.mark.parametrize("metric", [metrics.forgetting, metrics.relative_forgetting])
def test_one_gap_in_the_course_of_a_task_could_hide_its_best(metric) -> None:
    gap: Matrix = [[90.0, None, None], [None, 92.0, None], [60.0, 80.0, 94.0]]
    assert metric(gap) == Undefined("accuracy on task 1 after task 2 was not recorded")


def test_relative_forgetting_is_the_share_that_is_lost_of_what_was_known() -> None:
    # 40 of 80 and 45 of 90 points are lost.
    halved: Matrix = [[80.0, None, None], [50.0, 90.0, None], [40.0, 45.0, 70.0]]
    assert metrics.relative_forgetting(halved) == 50
    assert metrics.forgetting(halved) == 42.5
    weak: Matrix = [[10.0, None, None], [5.0, 90.0, None], [5.0, 85.0, 70.0]]
    assert metrics.relative_forgetting(weak) == pytest.approx((50 + 100 * 5 / 90) / 2)
    assert metrics.forgetting(weak) == 5


def test_nothing_can_be_lost_of_a_task_that_was_never_known() -> None:
    value = metrics.relative_forgetting([[90.0, None, None], [80.0, 0.0, None], [70.0, 1.0, 5.0]])
    assert isinstance(value, Undefined)
    assert value.reason == "accuracy on task 2 was never above 0: no share of it is lost"


def test_accuracy_so_far() -> None:
    assert metrics.accuracy_so_far(HAND) == [90, 93.5, 78]
    assert metrics.accuracy_so_far(JOINT) == [None, None, 97]


def test_joint_has_acc_and_says_why_it_has_nothing_else() -> None:
    assert metrics.average_accuracy(JOINT) == 97
    for metric in list(OF_MATRIX)[1:]:
        value = metric(JOINT)
        assert isinstance(value, Undefined)
        assert "trained once" in value.reason


@pytest.mark.parametrize("metric", OF_MATRIX)
def test_missing_rows_give_a_reason_naming_the_first_gap(metric) -> None:
    value = metric(CUT_OFF)
    assert isinstance(value, Undefined)
    assert "was not recorded" in value.reason


@pytest.mark.parametrize("metric", OF_MATRIX)
def test_no_task_is_undefined(metric) -> None:
    assert isinstance(metric([]), Undefined)


def test_one_task_has_accuracies_and_no_transfer() -> None:
    one: Matrix = [[88.0]]
    assert metrics.average_accuracy(one) == metrics.learning_accuracy(one) == 88
    for metric in (metrics.backward_transfer, metrics.forgetting, metrics.relative_forgetting):
        assert metric(one) == metrics.ONE_TASK
