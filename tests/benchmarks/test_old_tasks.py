"""`protocol.track_old_tasks`: what old tasks fall to, measured without changing anything else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from small_runs import STRATEGIES, interrupt_at, run_spec
from test_run import numbers, trace
from torch import nn

from benchmarks.backbones import BACKBONES, WrappedNet
from benchmarks.old_tasks import OldTasks
from benchmarks.records import RunRecord
from benchmarks.run import run
from benchmarks.task_loop import TaskLoop

TRACKED = "protocol.track_old_tasks=true"


def test_the_lowest_of_every_task_over_epochs() -> None:
    after_epochs = iter([[70.0, 40.0], [60.0, 90.0], [65.0, 50.0]])
    asked: list[range] = []

    def evaluate(tasks: range) -> list[float]:
        asked.append(tasks)
        return next(after_epochs)

    plugin = OldTasks(evaluate)
    plugin.after_training_epoch(strategy=None)  # of the first task: nothing is old
    plugin.begin(earlier=2)
    for _ in range(3):
        plugin.after_training_epoch(strategy=None)
    assert asked == [range(2)] * 3
    assert plugin.lowest == [60.0, 40.0]
    plugin.begin(earlier=3)
    assert plugin.seconds == 0
    assert len(plugin.lowest) == 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_other_number_of_a_run_depends_on_it(tmp_path: Path, strategy: str) -> None:
    plain, spec = run_spec(strategy), run_spec(strategy, TRACKED)
    without, tracked = run(plain, tmp_path), run(spec, tmp_path)
    assert numbers(tracked) == numbers(without)
    assert trace(tmp_path, spec) == trace(tmp_path, plain)
    assert without.lowest_accuracy is None
    assert tracked.lowest_accuracy is not None
    steps = 1 if strategy == "joint" else 3
    filled = [[value is not None for value in row] for row in tracked.lowest_accuracy]
    assert filled == [[j < i < steps for j in range(3)] for i in range(3)]


def dropout_and_running_statistics(*, heads: Any, input_shape: Any) -> WrappedNet:
    trunk = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 16, bias=False),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Dropout(0.5),
    )
    return WrappedNet(trunk, 16, heads)


@pytest.mark.parametrize("scenario", ["til", "cil"])
@pytest.mark.parametrize("strategy", ["naive", "ness", "gpm", "lora", "replay"])
def test_nor_where_evaluation_could_be_felt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, scenario: str
) -> None:
    monkeypatch.setitem(BACKBONES, "toy", dropout_and_running_statistics)
    changes = ("backbone=toy", "backbone_args={}", f"stream=split_digits/{scenario}")
    plain, spec = run_spec(strategy, *changes), run_spec(strategy, *changes, TRACKED)
    assert numbers(run(spec, tmp_path)) == numbers(run(plain, tmp_path))
    assert trace(tmp_path, spec) == trace(tmp_path, plain)


@pytest.mark.parametrize("strategy", ["naive", "ness", "trgp", "replay", "cumulative"])
def test_it_measures_what_an_evaluation_after_the_task_would(tmp_path: Path, strategy: str) -> None:
    """With one epoch, whose weights are kept, both see the same net: TRGP's with each task's own
    scales, NESS's before its update is merged."""
    record = run(run_spec(strategy, TRACKED, "protocol.epochs=1"), tmp_path)
    assert record.lowest_accuracy is not None
    for i in range(3):
        assert record.lowest_accuracy[i][:i] == record.accuracy_matrix[i][:i]


@pytest.mark.parametrize("strategy", ["naive", "ness", "trgp"])
def test_a_run_killed_in_every_task_has_the_same_lows(tmp_path: Path, strategy: str) -> None:
    spec = run_spec(strategy, TRACKED)
    alone = run(spec, tmp_path / "alone")
    for task in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path / "killed", notify=interrupt_at(task, epoch=1))
    resumed = run(spec, tmp_path / "killed")
    assert resumed.lowest_accuracy == alone.lowest_accuracy
    assert numbers(resumed) == numbers(alone)


def test_the_record_has_a_line_a_row_and_comes_back(tmp_path: Path) -> None:
    record = run(run_spec("naive", TRACKED), tmp_path)
    text = record.to_json()
    assert '"lowest_accuracy": [\n  [null,null,null],\n  [' in text
    assert RunRecord.from_json(text.encode()) == record


def test_its_time_is_evaluation_and_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = TaskLoop._evaluate

    def slow(self: TaskLoop, *args: Any) -> Any:
        time.sleep(0.2)
        return whole(self, *args)

    monkeypatch.setattr(TaskLoop, "_evaluate", slow)
    spec, started = run_spec("naive", TRACKED), time.perf_counter()
    tasks = run(spec, tmp_path).tasks
    took = time.perf_counter() - started
    # One of the earlier tasks after each of two epochs, one at the end, one of the next task.
    assert [task.eval_s >= 0.2 * n for task, n in zip(tasks, (2, 4, 3), strict=True)] == [True] * 3
    assert sum(task.train_s + task.eval_s for task in tasks) <= took
