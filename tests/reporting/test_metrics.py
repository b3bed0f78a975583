"""Every metric on the matrix worked out by hand in reporting_records.py."""

from __future__ import annotations

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted, task

from benchmarks.record_parts import Matrix
from benchmarks.reporting import costs, metrics
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.registry import METRICS, metrics_of

OF_MATRIX = {
    metrics.average_accuracy: 78.0,
    metrics.backward_transfer: -21.0,
    metrics.forgetting: 23.5,
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


def test_accuracy_so_far() -> None:
    assert metrics.accuracy_so_far(HAND) == [90, 93.5, 78]
    assert metrics.accuracy_so_far(JOINT) == [None, None, 97]


def test_forward_transfer_compares_with_the_untrained_net_from_task_two_on() -> None:
    assert metrics.forward_transfer([None, 55.0, 70.0], [48.0, 50.0, 45.0]) == 15


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
    for value in (
        metrics.backward_transfer(one),
        metrics.forgetting(one),
        metrics.forward_transfer([50.0], [50.0]),
    ):
        assert value == metrics.ONE_TASK


@pytest.mark.parametrize(
    ("forward", "initial", "reason"),
    [
        ([None, None], [50.0, 50.0], "task 2 before training on it"),
        ([None, 60.0], [50.0, None], "untrained net on task 2"),
    ],
)
def test_forward_transfer_names_what_was_not_measured(forward, initial, reason: str) -> None:
    value = metrics.forward_transfer(forward, initial)
    assert isinstance(value, Undefined)
    assert reason in value.reason


def test_class_incremental_runs_have_task_aware_metrics_and_no_forward_transfer(
    make: MakeRecord,
) -> None:
    aware = shifted(HAND, 2)
    record = make(stream="split_digits/cil", task_aware=aware)
    values = {name: metric.of(record) for name, metric in metrics_of("x/cil").items()}
    assert (values["acc"], values["acc_task_aware"]) == (78, 80)
    assert (values["bwt"], values["bwt_task_aware"]) == (-21, -21)
    assert values["fwt"] == Undefined("classes that were not trained yet cannot be predicted")
    old = make(stream="split_digits/cil")
    assert METRICS["acc_task_aware"].of(old) == Undefined("task-aware accuracies were not recorded")


@pytest.mark.parametrize("scenario", ["til", "dil"])
def test_other_scenarios_have_no_task_aware_metrics(make: MakeRecord, scenario: str) -> None:
    record = make(stream=f"split_digits/{scenario}")
    for name in ("acc_task_aware", "bwt_task_aware"):
        value = METRICS[name].of(record)
        assert isinstance(value, Undefined)
        assert "only in class-incremental streams" in value.reason
        assert name not in metrics_of(record.spec["stream"])


def test_costs_are_sums_and_maxima_over_tasks(make: MakeRecord) -> None:
    record = make(tasks=[task(train_s=2, state_bytes=7), task(train_s=3, state_bytes=5)])
    assert costs.seconds(record) == 2 + 0.5 + 3 + 0.5
    assert costs.eval_seconds(record) == 0.5
    assert costs.state_bytes(record) == 7


def test_costs_of_a_run_that_completed_no_task_are_undefined(make: MakeRecord) -> None:
    record = make(status="failed", tasks=[])
    for name in ("seconds", "eval_seconds", "state_bytes"):
        assert METRICS[name].of(record) == Undefined("no task was completed")


def test_the_registry_computes_every_metric_of_a_record(make: MakeRecord) -> None:
    record = make(forward=[None, 55.0, 70.0], initial=[48.0, 50.0, 45.0])
    values = {name: metric.of(record) for name, metric in metrics_of("x/til").items()}
    assert not any(isinstance(value, Undefined) for value in values.values())
    assert (values["acc"], values["fwt"]) == (78, 15)
