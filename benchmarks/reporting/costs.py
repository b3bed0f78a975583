"""What a run cost: time, what the method keeps, what it trains, memory.

A run that completed no task has no cost. One that trained once, on all tasks together (`joint`),
has no cost per task: its one training is not a task's. What a record is too old to have is not
known.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from benchmarks.record_parts import TaskRecord
from benchmarks.records import RunRecord
from benchmarks.reporting.metrics import Undefined, Value

_NO_TASK_DONE = Undefined("no task was completed")
_OLDER = Undefined("the record is older than the measurement")


def seconds(record: RunRecord) -> Value:
    """Wall seconds of learning: sum over tasks of train_s + consolidate_s."""
    if not record.tasks:
        return _NO_TASK_DONE
    return sum(task.train_s + task.consolidate_s for task in record.tasks)


def eval_seconds(record: RunRecord) -> Value:
    """Wall seconds of evaluation: sum over tasks of eval_s."""
    if not record.tasks:
        return _NO_TASK_DONE
    return sum(task.eval_s for task in record.tasks)


def cpu_seconds(record: RunRecord) -> Value:
    """CPU seconds of every thread, evaluation included: sum over tasks."""
    if not record.tasks:
        return _NO_TASK_DONE
    known = [task.cpu_s for task in record.tasks if task.cpu_s is not None]
    return sum(known) if len(known) == len(record.tasks) else _OLDER


def seconds_per_task(record: RunRecord) -> Value:
    """Wall seconds of learning a task, train_s + consolidate_s: median over tasks."""
    return _median(record, lambda task: task.train_s + task.consolidate_s)


def consolidate_seconds_per_task(record: RunRecord) -> Value:
    """Wall seconds of the method's own work before and after training: median over tasks."""
    return _median(record, lambda task: task.consolidate_s)


def cpu_seconds_per_task(record: RunRecord) -> Value:
    """CPU seconds of every thread, evaluation included: median over tasks."""
    return _median(record, lambda task: task.cpu_s)


def state_bytes(record: RunRecord) -> Value:
    """Bytes the method keeps for later tasks, the model excluded: the most after any task."""
    if not record.tasks:
        return _NO_TASK_DONE
    return float(max(task.state_bytes for task in record.tasks))


def final_state_bytes(record: RunRecord) -> Value:
    """Bytes the method keeps after the last task, the model excluded."""
    return float(record.tasks[-1].state_bytes) if record.tasks else _NO_TASK_DONE


def trainable_parameters(record: RunRecord) -> Value:
    """Numbers the optimiser could move in the last task, its head included."""
    return float(record.tasks[-1].trainable_parameters) if record.tasks else _NO_TASK_DONE


def peak_memory_bytes(record: RunRecord) -> Value:
    """Peak resident bytes of the process, libraries included; on a GPU those allocated there."""
    if not record.tasks:
        return _NO_TASK_DONE
    return float(max(task.peak_memory_bytes for task in record.tasks))


def _median(record: RunRecord, cost: Callable[[TaskRecord], float | None]) -> Value:
    if not record.tasks:
        return _NO_TASK_DONE
    if len(record.tasks) < len(record.accuracy_matrix) and record.status == "finished":
        return Undefined("trained once, on all tasks together: there is no cost per task")
    known = [value for task in record.tasks if (value := cost(task)) is not None]
    if len(known) < len(record.tasks):
        return _OLDER
    return statistics.median(known)
