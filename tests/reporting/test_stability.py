"""What old tasks fall to while a later one is trained, worked out by hand."""

from __future__ import annotations

import pytest
from reporting_records import CUT_OFF, HAND, JOINT

from benchmarks.record_parts import Matrix
from benchmarks.reporting import stability
from benchmarks.reporting.metrics import ONE_TASK, Undefined

# HAND is 90; 95 92; 60 80 94. Task 1 falls from 90 to 55 in task 2 and rises to 95, then from 95 to
# 50 in task 3, which leaves it at 60; task 2 falls from 92 to 70 and ends at 80.
LOWEST: Matrix = [[None, None, None], [55.0, None, None], [50.0, 70.0, None]]
METRICS = (
    stability.min_accuracy,
    stability.worst_case_accuracy,
    stability.stability_gap,
)


def test_worked_example() -> None:
    # The lowest of task 1 is 50, of task 2 it is 70.
    assert stability.min_accuracy(HAND, LOWEST) == 60
    assert stability.worst_case_accuracy(HAND, LOWEST) == pytest.approx((94 + 50 + 70) / 3)
    assert stability.stability_gap(HAND, LOWEST) == pytest.approx((35 + 45 + 22) / 3)


def test_what_a_method_loses_at_the_end_of_a_task_belongs_to_it() -> None:
    after: Matrix = [[90.0, None], [30.0, 80.0]]
    during: Matrix = [[None, None], [85.0, None]]
    assert stability.min_accuracy(after, during) == 30
    assert stability.stability_gap(after, during) == 60


def test_without_a_fall_there_is_no_gap() -> None:
    steady: Matrix = [[90.0, None], [90.0, 80.0]]
    assert stability.stability_gap(steady, [[None, None], [90.0, None]]) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_a_run_without_them_says_why(metric) -> None:
    assert metric(HAND, None) == stability.NOT_RECORDED
    assert "protocol.track_old_tasks = true" in stability.NOT_RECORDED.reason
    assert metric([[90.0]], None) == ONE_TASK
    for matrix, lowest, reason in (
        (JOINT, None, "trained once"),
        (CUT_OFF, LOWEST, "task 1 after task 2 was not recorded"),
        ([], None, "no tasks"),
        (HAND, [*LOWEST[:2], [50.0, None, None]], "not evaluated while task 3 was trained"),
    ):
        value = metric(matrix, lowest)
        assert isinstance(value, Undefined)
        assert reason in value.reason
