"""The metrics that the tables know, each computed from a stored run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.record_parts import Matrix
from benchmarks.records import RunRecord, scenario_of
from benchmarks.reporting import costs
from benchmarks.reporting.metrics import (
    Undefined,
    Value,
    average_accuracy,
    average_incremental_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
    learning_accuracy,
)
from benchmarks.reporting.numbers import Unit

Place = Literal["headline", "table", "cost", "csv"]
CIL = frozenset({"cil"})


def _task_aware(metric: Callable[[Matrix], Value]) -> Callable[[RunRecord], Value]:
    """A metric of the matrix in which only the task's own classes compete."""

    def of(record: RunRecord) -> Value:
        if record.accuracy_matrix_task_aware is not None:
            return metric(record.accuracy_matrix_task_aware)
        if scenario_of(record.spec["stream"]) == "cil":
            return Undefined("task-aware accuracies were not recorded")
        return Undefined("only in class-incremental streams do other tasks' classes compete")

    return of


def _forward_transfer(record: RunRecord) -> Value:
    if scenario_of(record.spec["stream"]) == "cil":
        return Undefined("classes that were not trained yet cannot be predicted")
    return forward_transfer(record.forward_accuracy, record.initial_accuracy)


@dataclass(frozen=True)
class Metric:
    """A metric as the tables know it."""

    label: str
    unit: Unit
    higher_is_better: bool
    of: Callable[[RunRecord], Value]
    shown: Place = "csv"
    """The narrowest place that shows it: a headline metric is in the table and CSV as well, one
    of ``cost`` in the table of costs and the CSV."""
    scenarios: frozenset[str] | None = None
    """Scenarios in whose tables it has a column; None: all."""


METRICS: dict[str, Metric] = {
    "acc": Metric("ACC", "%", True, lambda r: average_accuracy(r.accuracy_matrix), "headline"),
    "acc_task_aware": Metric(
        "Task-aware ACC", "%", True, _task_aware(average_accuracy), "headline", CIL
    ),
    "bwt": Metric("BWT", "%", True, lambda r: backward_transfer(r.accuracy_matrix), "headline"),
    "bwt_task_aware": Metric(
        "Task-aware BWT", "%", True, _task_aware(backward_transfer), scenarios=CIL
    ),
    "forgetting": Metric(
        "Forgetting", "%", False, lambda r: forgetting(r.accuracy_matrix), "headline"
    ),
    "learning_accuracy": Metric(
        "Learning accuracy", "%", True, lambda r: learning_accuracy(r.accuracy_matrix), "table"
    ),
    "average_incremental_accuracy": Metric(
        "Average incremental accuracy",
        "%",
        True,
        lambda r: average_incremental_accuracy(r.accuracy_matrix),
    ),
    "fwt": Metric("FWT", "%", True, _forward_transfer),
    "seconds": Metric("Seconds", "s", False, costs.seconds, "headline"),
    "eval_seconds": Metric("Evaluation seconds", "s", False, costs.eval_seconds),
    "state_bytes": Metric("State", "B", False, costs.state_bytes, "table"),
    "seconds_per_task": Metric("Seconds per task", "s", False, costs.seconds_per_task, "cost"),
    "consolidate_seconds_per_task": Metric(
        "Consolidation seconds per task", "s", False, costs.consolidate_seconds_per_task, "cost"
    ),
    "cpu_seconds_per_task": Metric(
        "CPU seconds per task", "s", False, costs.cpu_seconds_per_task, "cost"
    ),
    "final_state_bytes": Metric("Final state", "B", False, costs.final_state_bytes, "cost"),
    "trainable_parameters": Metric(
        "Trainable parameters", "count", False, costs.trainable_parameters, "cost"
    ),
    "peak_memory_bytes": Metric("Peak memory", "B", False, costs.peak_memory_bytes, "cost"),
}


def metrics_of(stream: str, *places: Place) -> dict[str, Metric]:
    """The metrics that a stream's tables have, of all ``places`` or of those named."""
    scenario = scenario_of(stream)
    return {
        name: metric
        for name, metric in METRICS.items()
        if (metric.scenarios is None or scenario in metric.scenarios)
        and (not places or metric.shown in places)
    }
