"""The metrics that the tables know, each computed from a stored run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Literal

from benchmarks.record_parts import Matrix
from benchmarks.records import RunRecord, scenario_of
from benchmarks.reporting import costs, metrics, stability, transfer
from benchmarks.reporting.definitions import Definition, parse
from benchmarks.reporting.metrics import Undefined, Value
from benchmarks.reporting.numbers import Unit
from benchmarks.reporting.references import REFERENCE, References

Place = Literal["headline", "table", "cost", "csv"]
CIL = frozenset({"cil"})

Compute = Callable[[RunRecord, References], Value]
"""A metric of a run among others; its docstring is that of the pure function within."""

_OWN_CLASSES = "Only the task's own classes compete for the prediction, as if the task were known."


@dataclass(frozen=True)
class Metric:
    """A metric as the tables know it."""

    label: str
    unit: Unit
    higher_is_better: bool
    compute: Compute
    shown: Place = "csv"
    """The narrowest place that shows it: a headline metric is in the table and CSV as well, one
    of ``cost`` in the table of costs and the CSV."""
    scenarios: frozenset[str] | None = None
    """Scenarios in whose tables it has a column; None: all."""

    def of(self, record: RunRecord, references: References | None = None) -> Value:
        """Its value for a run; without ``references`` what needs other runs is undefined."""
        return self.compute(record, References() if references is None else references)

    @property
    def definition(self) -> Definition:
        """Formula, source and when a run has none, as the docstring has them."""
        return parse(self.compute.__doc__ or "")


def _of_matrix(metric: Callable[[Matrix], Value]) -> Compute:
    @wraps(metric)
    def of(record: RunRecord, _: References) -> Value:
        return metric(record.accuracy_matrix)

    return of


def _task_aware(metric: Callable[[Matrix], Value]) -> Compute:
    """A metric of the matrix in which only the task's own classes compete."""

    @wraps(metric)
    def of(record: RunRecord, _: References) -> Value:
        if record.accuracy_matrix_task_aware is not None:
            return metric(record.accuracy_matrix_task_aware)
        if scenario_of(record.spec["stream"]) == "cil":
            return Undefined("task-aware accuracies were not recorded")
        return Undefined("only in class-incremental streams do other tasks' classes compete")

    of.__doc__ = f"{metric.__doc__}\n    {_OWN_CLASSES}"
    return of


def _tracked(metric: Callable[[Matrix, Matrix | None], Value]) -> Compute:
    @wraps(metric)
    def of(record: RunRecord, _: References) -> Value:
        return metric(record.accuracy_matrix, record.lowest_accuracy)

    return of


def _cost(metric: Callable[[RunRecord], Value]) -> Compute:
    @wraps(metric)
    def of(record: RunRecord, _: References) -> Value:
        return metric(record)

    return of


@wraps(transfer.forward_transfer)
def _forward_transfer(record: RunRecord, _: References) -> Value:
    if scenario_of(record.spec["stream"]) == "cil":
        return Undefined("classes that were not trained yet cannot be predicted")
    return transfer.forward_transfer(record.forward_accuracy, record.initial_accuracy)


@wraps(transfer.intransigence)
def _intransigence(record: RunRecord, references: References) -> Value:
    if record.spec["strategy"] == REFERENCE:
        return Undefined(f"{REFERENCE} is the reference that others are measured against")
    return transfer.intransigence(record.accuracy_matrix, references.cumulative(record))


METRICS: dict[str, Metric] = {
    "acc": Metric("ACC", "%", True, _of_matrix(metrics.average_accuracy), "headline"),
    "acc_task_aware": Metric(
        "Task-aware ACC", "%", True, _task_aware(metrics.average_accuracy), "headline", CIL
    ),
    "bwt": Metric("BWT", "%", True, _of_matrix(metrics.backward_transfer), "headline"),
    "bwt_task_aware": Metric(
        "Task-aware BWT", "%", True, _task_aware(metrics.backward_transfer), scenarios=CIL
    ),
    "forgetting": Metric("Forgetting", "%", False, _of_matrix(metrics.forgetting), "headline"),
    "relative_forgetting": Metric(
        "Relative forgetting", "%", False, _of_matrix(metrics.relative_forgetting)
    ),
    "learning_accuracy": Metric(
        "Learning accuracy", "%", True, _of_matrix(metrics.learning_accuracy), "table"
    ),
    "average_incremental_accuracy": Metric(
        "Average incremental accuracy", "%", True, _of_matrix(metrics.average_incremental_accuracy)
    ),
    "fwt": Metric("FWT", "%", True, _forward_transfer),
    "intransigence": Metric("Intransigence", "%", False, _intransigence),
    "min_accuracy": Metric("Min-ACC", "%", True, _tracked(stability.min_accuracy)),
    "worst_case_accuracy": Metric("WC-ACC", "%", True, _tracked(stability.worst_case_accuracy)),
    "stability_gap": Metric("Stability gap", "%", False, _tracked(stability.stability_gap)),
    "seconds": Metric("Seconds", "s", False, _cost(costs.seconds), "headline"),
    "eval_seconds": Metric("Evaluation seconds", "s", False, _cost(costs.eval_seconds)),
    "cpu_seconds": Metric("CPU seconds", "s", False, _cost(costs.cpu_seconds)),
    "state_bytes": Metric("State", "B", False, _cost(costs.state_bytes), "table"),
    "seconds_per_task": Metric(
        "Seconds per task", "s", False, _cost(costs.seconds_per_task), "cost"
    ),
    "consolidate_seconds_per_task": Metric(
        "Consolidation seconds per task",
        "s",
        False,
        _cost(costs.consolidate_seconds_per_task),
        "cost",
    ),
    "cpu_seconds_per_task": Metric(
        "CPU seconds per task", "s", False, _cost(costs.cpu_seconds_per_task), "cost"
    ),
    "final_state_bytes": Metric("Final state", "B", False, _cost(costs.final_state_bytes), "cost"),
    "trainable_parameters": Metric(
        "Trainable parameters", "count", False, _cost(costs.trainable_parameters), "cost"
    ),
    "peak_memory_bytes": Metric("Peak memory", "B", False, _cost(costs.peak_memory_bytes), "cost"),
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
