"""Heads: one a task, made at the start, without bias, and no logit beyond the task's classes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from small_runs import make_strategy, run_spec
from torch import nn

from benchmarks.backbones import BACKBONES, MLP, TaskHeads
from benchmarks.build import build_model, load_stream
from benchmarks.errors import BadInput


@pytest.fixture
def heads() -> TaskHeads:
    torch.manual_seed(0)
    return TaskHeads(4, [2, 5, 3])


def test_every_head_exists_from_the_start_and_has_no_bias(heads: TaskHeads) -> None:
    assert {key: head.out_features for key, head in heads.classifiers.items()} == {
        "0": 2,
        "1": 5,
        "2": 3,
    }
    assert all(head.bias is None for head in heads.classifiers.values())
    assert all(p.requires_grad for p in heads.parameters())


def test_a_batch_of_one_task_has_that_tasks_classes_only(heads: TaskHeads) -> None:
    x = torch.randn(6, 4)
    for task, classes in enumerate([2, 5, 3]):
        assert heads(x, torch.full((6,), task)).shape == (6, classes)


def test_padding_neither_wins_nor_enters_the_softmax(heads: TaskHeads) -> None:
    """All true logits negative: padding with zeros would win every argmax."""
    with torch.no_grad():
        for head in heads.classifiers.values():
            head.weight.copy_(-head.weight.abs() - 1)
    x, tasks = torch.rand(60, 4), torch.arange(60) % 3
    mixed = heads(x, tasks)
    assert mixed.shape == (60, 5)
    for task, classes in enumerate([2, 5, 3]):
        members = tasks == task
        alone = heads(x[members], tasks[members])
        assert torch.equal(mixed[members, :classes], alone)
        assert (mixed[members].argmax(1) < classes).all()
        y = torch.arange(int(members.sum())) % classes
        loss, expected = (nn.functional.cross_entropy(z, y) for z in (mixed[members], alone))
        assert torch.equal(loss, expected)
        assert torch.equal(mixed[members].softmax(1)[:, :classes], alone.softmax(1))


def test_gradients_of_a_mixed_batch_are_finite_and_those_of_each_head(heads: TaskHeads) -> None:
    x, tasks = torch.rand(30, 4), torch.arange(30) % 3
    y = torch.zeros(30, dtype=torch.int64)
    nn.functional.cross_entropy(heads(x, tasks), y, reduction="sum").backward()
    mixed = [head.weight.grad.clone() for head in heads.classifiers.values()]
    heads.zero_grad()
    for task in range(3):
        members = tasks == task
        logits = heads(x[members], tasks[members])
        nn.functional.cross_entropy(logits, y[members], reduction="sum").backward()
    for gradient, head in zip(mixed, heads.classifiers.values(), strict=True):
        assert gradient.isfinite().all()
        torch.testing.assert_close(gradient, head.weight.grad)


def test_a_task_without_a_head_is_an_error(heads: TaskHeads) -> None:
    with pytest.raises(ValueError, match="task 3 has no head: the net was built for 3 tasks"):
        heads.adaptation(SimpleNamespace(task_labels=[1, 3]))


def test_training_and_evaluating_make_no_heads_and_draw_no_numbers() -> None:
    strategy = make_strategy(run_spec("naive", "protocol.epochs=1"), [])
    before = {name: p.clone() for name, p in strategy.model.named_parameters() if "heads" in name}
    benchmark = strategy.stream.benchmark()
    torch.manual_seed(3)
    state = torch.get_rng_state()
    strategy.eval(benchmark.test_stream)
    assert torch.equal(torch.get_rng_state(), state)
    strategy.train(benchmark.train_stream[1])
    after = {name: p for name, p in strategy.model.named_parameters() if "heads" in name}
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"heads.classifiers.1.weight"}


def test_the_mlp_is_the_one_of_the_issue() -> None:
    model = BACKBONES["mlp"](heads=[2] * 5, input_shape=(1, 8, 8))
    assert isinstance(model, MLP)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert shapes.pop("fc1.weight") == (256, 64)
    assert shapes.pop("fc2.weight") == (256, 256)
    assert set(shapes.values()) == {(2, 256)}
    x = torch.rand(3, 1, 8, 8)
    hidden = torch.relu(model.fc2(torch.relu(model.fc1(x.flatten(1)))))
    expected = model.heads.classifiers["1"](hidden)
    assert torch.equal(model(x, torch.ones(3, dtype=torch.int64)), expected)
    assert torch.equal(model.forward_single_task(x, 1), expected)


@pytest.mark.parametrize("hidden", ["[]", "[16, 0]"])
def test_a_net_without_width_is_refused(hidden: str) -> None:
    spec = run_spec("naive", f"backbone_args.hidden={hidden}")
    with pytest.raises(BadInput, match="hidden"):
        build_model(spec, load_stream(spec, None))
