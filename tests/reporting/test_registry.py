"""The metrics of a run, by name."""

from __future__ import annotations

import pytest
from reporting_records import HAND, MakeRecord, shifted

from benchmarks.record_parts import Matrix
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.references import References
from benchmarks.reporting.registry import METRICS, metrics_of

LOWEST: Matrix = [[None, None, None], [50.0, None, None], [40.0, 70.0, None]]


def test_the_registry_computes_every_metric_of_a_record(make: MakeRecord) -> None:
    record = make(forward=[None, 55.0, 70.0], initial=[48.0, 50.0, 45.0], lowest=LOWEST)
    references = References([make("cumulative", matrix=shifted(HAND, 3))])
    values = {name: metric.of(record, references) for name, metric in metrics_of("x/til").items()}
    assert not any(isinstance(value, Undefined) for value in values.values())
    assert (values["acc"], values["fwt"], values["intransigence"]) == (78, 15, 3)
    assert (values["min_accuracy"], values["stability_gap"]) == (55, 39)


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


def test_what_needs_another_run_is_undefined_without_one(make: MakeRecord) -> None:
    value = METRICS["intransigence"].of(make(seed=4))
    assert value == Undefined("no finished run of cumulative with seed 4 in the same setting")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_is(name: str) -> None:
    definition = METRICS[name].definition
    assert definition.formula
    if METRICS[name].unit == "%":
        assert "sum_" in definition.formula or "min-ACC" in definition.formula
        assert definition.source


def test_a_task_aware_metric_says_so_behind_the_same_formula() -> None:
    plain, aware = METRICS["bwt"].definition, METRICS["bwt_task_aware"].definition
    assert aware.formula == plain.formula
    assert aware.undefined == plain.undefined
    assert "own classes compete" in aware.remarks


def test_reasons_can_be_told_apart_in_a_line_of_a_csv(make: MakeRecord) -> None:
    for record in (make(), make("cumulative"), make("joint", status="failed", tasks=[])):
        values = (metric.of(record) for metric in METRICS.values())
        assert not [v for v in values if isinstance(v, Undefined) and ";" in v.reason]
