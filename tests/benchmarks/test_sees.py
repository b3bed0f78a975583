"""The training data of a step: the task's own, that of all tasks so far, or everything."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from small_runs import run_spec
from toy_methods import Cumulative, register

from benchmarks.build import load_stream
from benchmarks.loading import StreamStrategy
from benchmarks.run import run

TRUNK, HEAD = 64 * 16 + 16 * 16, 2 * 16


@pytest.fixture(autouse=True)
def cumulative(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "cumulative", Cumulative)
    monkeypatch.setattr(Cumulative, "batches", [])


def test_cumulative_trains_on_all_tasks_so_far_mixed_in_every_batch(tmp_path: Path) -> None:
    spec = run_spec("cumulative", "protocol.epochs=1")
    record = run(spec, tmp_path)
    assert record.status == "finished", record.error
    assert [[value is None for value in row] for row in record.accuracy_matrix] == [
        [False, True, True],
        [False, False, True],
        [False, False, False],
    ]
    stream = load_stream(spec, None)
    sizes = [len(task.train) for task in stream.tasks]
    for step in range(3):
        made = [labels for at, labels in Cumulative.batches if at == step]
        counts = Counter(label for labels in made for label in labels)
        assert counts == {task: sizes[task] for task in range(step + 1)}
        assert all(set(labels) == set(range(step + 1)) for labels in made)


def test_cumulative_is_validated_on_all_tasks_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, set[int]] = {}
    original = StreamStrategy.batches

    def spy(self, split_name, task, *, train=False):  # type: ignore[no-untyped-def]
        made = original(self, split_name, task, train=train)
        if split_name == "valid":
            seen[task] = set(made.task.tolist())
        return made

    monkeypatch.setattr(StreamStrategy, "batches", spy)
    run(run_spec("cumulative", "protocol.epochs=1"), tmp_path)
    assert seen == {0: {0}, 1: {0, 1}, 2: {0, 1, 2}}


@pytest.mark.parametrize(
    ("strategy", "tasks_of_step"), [("cumulative", [1, 2, 3]), ("joint", [3]), ("naive", [1] * 3)]
)
def test_parameters_and_bytes_count_the_tasks_that_a_step_sees(
    tmp_path: Path, strategy: str, tasks_of_step: list[int]
) -> None:
    spec = run_spec(strategy, "protocol.epochs=1")
    record = run(spec, tmp_path)
    heads = [task.trainable_parameters - TRUNK for task in record.tasks]
    assert heads == [n * HEAD for n in tasks_of_step]
    # 64 bytes of pixels and 8 of label a sample, in the train and valid splits.
    samples = [len(t.train) + len(t.valid) for t in load_stream(spec, None).tasks]
    kept = [72 * sum(samples[:n]) for n in tasks_of_step]
    expected = [0] * 3 if strategy == "naive" else kept
    assert [task.state_bytes for task in record.tasks] == expected
