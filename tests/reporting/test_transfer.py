"""FWT and intransigence, worked out by hand."""

from __future__ import annotations

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.record_parts import Matrix
from benchmarks.reporting.metrics import ONE_TASK, Undefined
from benchmarks.reporting.references import References
from benchmarks.reporting.registry import METRICS
from benchmarks.reporting.transfer import forward_transfer, intransigence

# Its diagonal is 96, 95, 88, where HAND has 90, 92, 94: I = (6 + 3 - 6) / 3 = 1.
CUMULATIVE: Matrix = [[96.0, None, None], [95.0, 95.0, None], [96.0, 93.0, 88.0]]


def test_forward_transfer_compares_with_the_untrained_net_from_task_two_on() -> None:
    assert forward_transfer([None, 55.0, 70.0], [48.0, 50.0, 45.0]) == 15


@pytest.mark.parametrize(
    ("forward", "initial", "reason"),
    [
        ([None, None], [50.0, 50.0], "task 2 before training on it"),
        ([None, 60.0], [50.0, None], "untrained net on task 2"),
    ],
)
def test_forward_transfer_names_what_was_not_measured(forward, initial, reason: str) -> None:
    value = forward_transfer(forward, initial)
    assert isinstance(value, Undefined)
    assert reason in value.reason


def test_forward_transfer_needs_a_second_task() -> None:
    assert forward_transfer([50.0], [50.0]) == ONE_TASK


def test_intransigence_is_what_cumulative_knows_more_of_each_task_when_it_is_new() -> None:
    assert intransigence(HAND, CUMULATIVE) == 1
    assert intransigence(HAND, HAND) == 0
    assert intransigence(shifted(HAND, 4), CUMULATIVE) == -3
    assert intransigence([[80.0]], [[85.0]]) == 5


def test_intransigence_tells_why_there_is_none() -> None:
    reason = Undefined("no reference")
    assert intransigence(HAND, reason) == reason
    for matrix, said in ((JOINT, "trained once"), (CUT_OFF, "task 2 after task 2")):
        for value in (intransigence(matrix, CUMULATIVE), intransigence(CUMULATIVE, matrix)):
            assert isinstance(value, Undefined)
            assert said in value.reason
    assert isinstance(intransigence([], []), Undefined)


def test_cumulative_is_not_measured_against_itself(make: MakeRecord) -> None:
    record = make("cumulative", matrix=CUMULATIVE)
    assert METRICS["intransigence"].of(record, References([record])) == Undefined(
        "cumulative is the reference that others are measured against"
    )
