"""Class- and domain-incremental streams: labels, the masked head, both accuracies, refusals."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avalanche.core import SupervisedPlugin
from small_runs import interrupt_at, make_strategy, run_spec
from test_run import numbers
from toy_methods import Cumulative, register

import baselines
from benchmarks.backbones import TaskHeads
from benchmarks.backbones.heads import MASKED
from benchmarks.build import build_model, load_stream
from benchmarks.errors import BadInput
from benchmarks.records import RunRecord, record_path
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.streams.stream import SPLITS, Stream
from benchmarks.sweep import sweep
from benchmarks.task_loop import TaskLoop
from benchmarks.workdir import WorkDir

ONE_HEAD = ("cil", "dil")


def spec_of(scenario: str, strategy: str = "naive", *overrides: str) -> RunSpec:
    return run_spec(strategy, f"stream=split_digits/{scenario}", *overrides)


def stream_of(scenario: str, *overrides: str) -> Stream:
    return load_stream(spec_of(scenario, "naive", *overrides), None)


# Streams ---------------------------------------------------------------------------------


def test_the_scenarios_differ_in_labels_alone() -> None:
    til, cil, dil = (stream_of(scenario) for scenario in ("til", "cil", "dil"))
    for t in range(3):
        for name in SPLITS:
            own, classes, domains = (getattr(s.tasks[t], name) for s in (til, cil, dil))
            assert torch.equal(own.x, classes.x)
            assert torch.equal(own.x, domains.x)
            assert torch.equal(classes.y, own.y + 2 * t)
            assert torch.equal(domains.y, own.y)
            assert own.task.unique().tolist() == [t]
            assert classes.task.unique().tolist() == domains.task.unique().tolist() == [0]
    assert (til.heads, cil.heads, dil.heads) == ([2, 2, 2], [6], [2])
    assert [cil.outputs(t) for t in range(3)] == [slice(0, 2), slice(2, 4), slice(4, 6)]
    assert {(s.outputs(t).start, s.outputs(t).stop) for s in (til, dil) for t in range(3)} == {
        (0, 2)
    }


def test_a_class_is_its_position_in_the_class_order() -> None:
    from sklearn.datasets import load_digits

    raw = load_digits()
    label_of = {
        image.astype(np.uint8).tobytes(): int(label)
        for image, label in zip(raw.images, raw.target, strict=True)
    }
    stream = stream_of("cil", "class_order=per_seed")
    order = [label for task in stream.tasks for label in task.classes]
    assert order != sorted(order)
    for task in stream.tasks:
        for x, y in zip(task.test.x, task.test.y.tolist(), strict=True):
            assert label_of[x.numpy().tobytes()] == order[y]


@pytest.mark.parametrize("scenario", ONE_HEAD)
def test_avalanche_sees_one_task_label_and_the_tasks_in_order(scenario: str) -> None:
    stream = stream_of(scenario)
    for name in SPLITS:
        experiences = getattr(stream.benchmark(), f"{name}_stream")
        assert [e.task_labels for e in experiences] == [[0]] * 3
        assert [e.current_experience for e in experiences] == [0, 1, 2]
        classes = [[0, 1], [2, 3], [4, 5]] if scenario == "cil" else [[0, 1]] * 3
        assert [sorted(e.classes_in_this_experience) for e in experiences] == classes


# The head --------------------------------------------------------------------------------


def test_classes_not_trained_yet_are_masked_and_evaluating_does_not_unmask_them() -> None:
    strategy = make_strategy(spec_of("cil", "naive", "protocol.epochs=1"), [])
    benchmark, model = strategy.stream.benchmark(), strategy.model
    assert list(model.heads.classifiers) == ["0"]
    x = strategy.stream.normalisation(strategy.stream.tasks[2].test.x)
    labels = torch.zeros(len(x), dtype=torch.int64)

    def masked() -> list[bool]:
        return (model(x, labels) == MASKED).all(0).tolist()

    assert masked() == [True] * 6
    for task in range(3):
        strategy.eval(benchmark.test_stream[task])
        assert masked() == [t >= task for t in range(3) for _ in range(2)]
        strategy.train(benchmark.train_stream[task], eval_streams=[])
        assert masked() == [t > task for t in range(3) for _ in range(2)]


def test_a_masked_row_gets_no_gradient() -> None:
    torch.manual_seed(0)
    heads = TaskHeads(4, [6])
    heads.mask_unseen()
    heads.seen_classes[:4] = True
    x, y = torch.randn(8, 4), torch.arange(8) % 4
    torch.nn.functional.cross_entropy(heads(x, torch.zeros_like(y)), y).backward()
    gradient = heads.classifiers["0"].weight.grad
    assert gradient[4:].abs().max() == 0
    assert (gradient[:4].norm(dim=1) > 0).all()


def test_an_untrained_net_in_place_of_the_model_knows_the_classes_of_earlier_tasks() -> None:
    """As GDumb does, which then trains on its memory of them."""
    strategy = make_strategy(spec_of("cil", "naive", "protocol.epochs=1"), [])
    untrained = {name: value.clone() for name, value in strategy.model.state_dict().items()}
    benchmark = strategy.stream.benchmark()
    strategy.train(benchmark.train_stream[0], eval_streams=[])
    strategy.model.load_state_dict(untrained)
    strategy.train(benchmark.train_stream[1], eval_streams=[])
    assert strategy.model.heads.seen_classes.tolist() == [True] * 4 + [False] * 2


def test_only_a_single_head_is_masked() -> None:
    with pytest.raises(ValueError, match="2 heads"):
        TaskHeads(4, [2, 2]).mask_unseen()
    assert "heads.seen_classes" not in build_model(spec_of("dil"), stream_of("dil")).state_dict()


# Runs ------------------------------------------------------------------------------------


def test_both_accuracies_of_a_class_incremental_run_are_those_of_its_final_net(
    tmp_path: Path,
) -> None:
    spec = spec_of("cil", "frozen", "protocol.epochs=6")
    work = WorkDir(tmp_path, spec.id)
    work.folder.mkdir(parents=True)
    loop = TaskLoop(spec, work, load_stream(spec, None), None)
    record = loop.execute()
    assert record.status == "finished", record.error
    model = loop.model.eval()
    for t, task in enumerate(loop.stream.tasks):
        with torch.no_grad():
            logits = model(loop.stream.normalisation(task.test.x), task.test.task)
        all_classes = 100 * (logits.argmax(1) == task.test.y).float().mean().item()
        own = logits[:, 2 * t : 2 * t + 2].argmax(1) + 2 * t
        own_classes = 100 * (own == task.test.y).float().mean().item()
        assert record.accuracy_matrix[2][t] == pytest.approx(all_classes, abs=1e-4)
        assert record.accuracy_matrix_task_aware[2][t] == pytest.approx(own_classes, abs=1e-4)
    # Its features are those of task 1: it must take later classes for others at times.
    assert record.accuracy_matrix[2] != record.accuracy_matrix_task_aware[2]


def test_what_a_class_incremental_record_has_more_and_less(tmp_path: Path) -> None:
    for scenario in ("til", "cil", "dil"):
        spec = spec_of(scenario, "naive", "protocol.epochs=1")
        record = run(spec, tmp_path)
        path = record_path(tmp_path, spec.stream, spec.strategy, spec.id)
        assert RunRecord.read(path) == record
        assert ("accuracy_matrix_task_aware" in json.loads(path.read_text())) == (scenario == "cil")
        if scenario != "cil":
            assert None not in record.initial_accuracy + record.forward_accuracy
            continue
        assert record.initial_accuracy == record.forward_accuracy == [None] * 3
        for i, (row, aware) in enumerate(
            zip(record.accuracy_matrix, record.accuracy_matrix_task_aware, strict=True)
        ):
            for j, (value, own) in enumerate(zip(row, aware, strict=True)):
                assert (value is None) == (own is None) == (j > i)
                assert j > i or value <= own


@pytest.mark.parametrize("scenario", ONE_HEAD)
@pytest.mark.parametrize("strategy", ["naive", "ness", "gpm", "joint"])
def test_runs_with_one_head_resume_bit_for_bit(
    tmp_path: Path, strategy: str, scenario: str
) -> None:
    spec = spec_of(scenario, strategy)
    alone = run(spec, tmp_path / "alone")
    assert alone.status == "finished", alone.error
    for task in range(len(alone.tasks)):
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path / "killed", notify=interrupt_at(task))
    resumed = run(spec, tmp_path / "killed")
    assert numbers(resumed) == numbers(alone)
    assert resumed.accuracy_matrix_task_aware == alone.accuracy_matrix_task_aware


def test_trainable_parameters_count_the_rows_that_can_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, "cumulative", Cumulative)
    trunk, row = 64 * 16 + 16 * 16, 16
    expected = {
        "naive": [trunk + 2 * row, trunk + 4 * row, trunk + 6 * row],
        "cumulative": [trunk + 2 * row, trunk + 4 * row, trunk + 6 * row],
        "joint": [trunk + 6 * row],
        # Rows of earlier classes rest.
        "frozen": [trunk + 2 * row, 2 * row, 2 * row],
    }
    for strategy, counts in expected.items():
        record = run(spec_of("cil", strategy, "protocol.epochs=1"), tmp_path)
        assert [task.trainable_parameters for task in record.tasks] == counts


def test_a_scenario_that_a_method_does_not_support_is_refused_before_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines.load("ness"), "scenarios", frozenset({"til"}))
    specs = [spec_of("cil", strategy) for strategy in ("naive", "ness")]
    with pytest.raises(BadInput, match="'ness' does not support 'cil'; it supports til"):
        sweep(specs, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# Replay ----------------------------------------------------------------------------------


class Replay(SupervisedPlugin[Any]):
    """Adds the data of all earlier tasks to that of the task, as replay methods do."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []
        self.order: list[tuple[int, int]] = []
        self.x: list[torch.Tensor] = []

    def after_train_dataset_adaptation(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        own = strategy.adapted_dataset
        for kept in self.kept:
            strategy.adapted_dataset = strategy.adapted_dataset.concat(kept)
        self.kept.append(own)
        self.order, self.x = [], []

    def after_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.order += zip(strategy.mb_y.tolist(), strategy.mb_task_id.tolist(), strict=True)
        self.x.append(strategy.mb_x)


@pytest.mark.parametrize("scenario", ["til", "cil", "dil"])
def test_data_that_a_plugin_adds_reaches_training_with_its_labels(scenario: str) -> None:
    spec = spec_of(scenario, "naive", "protocol.epochs=1")

    def train() -> Replay:
        replay = Replay()
        strategy = make_strategy(spec, [replay])
        for task, experience in enumerate(strategy.stream.benchmark().train_stream):
            torch.manual_seed(task)
            strategy.train(experience, eval_streams=[])
        return replay

    replay, again = train(), train()
    stream = load_stream(spec, None)
    whole = stream.union("train")
    images = stream.normalisation(whole.x).numpy()
    expected = {
        (x.tobytes(), y, task)
        for x, y, task in zip(images, whole.y.tolist(), whole.task.tolist(), strict=True)
    }
    images = torch.cat(replay.x).numpy()
    seen = Counter(
        (x.tobytes(), y, task) for x, (y, task) in zip(images, replay.order, strict=True)
    )
    assert set(seen) == expected
    # Avalanche's loader fills batches equally from the task labels and repeats the rarer ones.
    assert max(seen.values()) <= (2 if scenario == "til" else 1)
    assert again.order == replay.order
    assert all(torch.equal(a, b) for a, b in zip(replay.x, again.x, strict=True))
    tasks = [label // 2 if scenario == "cil" else task for label, task in replay.order[:30]]
    if scenario != "dil":
        assert len(set(tasks)) == 3, "batches mix the tasks"
