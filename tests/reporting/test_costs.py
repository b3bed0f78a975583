"""What a run cost, from what its tasks cost."""

from __future__ import annotations

from reporting_records import MakeRecord, task

from benchmarks.reporting import costs
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.registry import METRICS


def test_costs_are_sums_and_maxima_over_tasks(make: MakeRecord) -> None:
    record = make(
        tasks=[
            task(train_s=2, state_bytes=7, peak_memory_bytes=9),
            task(train_s=3, state_bytes=5, peak_memory_bytes=8),
        ]
    )
    assert costs.seconds(record) == 2 + 0.5 + 3 + 0.5
    assert costs.eval_seconds(record) == 0.5
    assert costs.cpu_seconds(record) == 2.5 + 2.5
    assert costs.state_bytes(record) == 7
    # A run that moved to another process ends with a smaller one.
    assert costs.peak_memory_bytes(record) == 9


def test_costs_of_a_run_that_completed_no_task_are_undefined(make: MakeRecord) -> None:
    record = make(status="failed", tasks=[])
    for name, metric in METRICS.items():
        if metric.unit != "%":
            assert metric.of(record) == Undefined("no task was completed"), name


def test_a_record_without_cpu_seconds_says_that_it_is_too_old(make: MakeRecord) -> None:
    older = Undefined("the record is older than the measurement")
    for old in (1, 3):
        record = make(tasks=[*[task(cpu_s=None)] * old, *[task()] * (3 - old)])
        assert costs.cpu_seconds(record) == costs.cpu_seconds_per_task(record) == older
        assert costs.seconds(record) == 7.5
