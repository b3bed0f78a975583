"""Norm layers with statistics of each task: exact, and independent of the test batch."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from avalanche.training.plugins import EvaluationPlugin
from small_runs import run_spec
from torch import Tensor, nn

from baselines.stock import Joint, Naive
from benchmarks.backbones import MultiHeadNet, TaskHeads
from benchmarks.backbones.norms import TaskNorm, batch_norm, normalise
from benchmarks.loading import StreamStrategy, TensorBatches
from benchmarks.outputs import Outputs
from benchmarks.protocol import Protocol
from benchmarks.spec import ProtocolSpec
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Sees, Stream, Task
from benchmarks.task_statistics import TaskStatistics, estimate
from ness.layers import is_norm, keeps_running_statistics
from ness.plugin import NESSPlugin

SIDE, PER_CLASS = 8, 32


class Net(MultiHeadNet):
    """A convolution and a linear layer, each with a norm layer and dropout."""

    def __init__(self, heads: Sequence[int], bn: Any) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, bias=False)
        self.bn1 = batch_norm(2, 6, bn, len(heads))
        self.fc1 = nn.Linear(6 * 6 * 6, 24, bias=False)
        self.bn2 = batch_norm(1, 24, bn, len(heads))
        self.heads = TaskHeads(24, heads)

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        x = normalise(self.bn1, self.conv1(x), task_labels).relu()
        x = nn.functional.dropout(x.flatten(1), 0.3, self.training)
        return normalise(self.bn2, self.fc1(x), task_labels).relu()


def split(task: int, per_class: int, generator: torch.Generator) -> Split:
    """Two classes of noisy images of different brightness, sorted by class."""
    y = torch.arange(2).repeat_interleave(per_class)
    brightness = (60 + 70 * y + 20 * task).view(-1, 1, 1, 1)
    noise = torch.randn(len(y), 3, SIDE, SIDE, generator=generator) * 40
    x = (brightness + noise).clamp(0, 255).to(torch.uint8)
    return Split(x, y, torch.full_like(y, task))


@pytest.fixture(scope="module")
def stream() -> Stream:
    generator = torch.Generator().manual_seed(0)
    sizes = (PER_CLASS, 4, 16)
    tasks = [Task((2 * t, 2 * t + 1), *(split(t, n, generator) for n in sizes)) for t in range(3)]
    return Stream("toy/til", tuple(tasks), Normalisation(mean=(0.4,), std=(0.2,)), "0" * 64)


def make_net(bn: str = "task_stats") -> Net:
    torch.manual_seed(0)
    net = Net([2, 2, 2], bn)
    for norm in (net.bn1, net.bn2):
        nn.init.normal_(norm.weight, 1.0, 0.2)
        nn.init.normal_(norm.bias, 0.0, 0.2)
    return net


def batches(stream: Stream, task: int, size: int = 16) -> TensorBatches:
    part, device = stream.tasks[task].train, torch.device("cpu")
    return TensorBatches(part, stream.normalisation, size, seed=0, reshuffle=False, device=device)


def logits(net: Net, stream: Stream, part: Split, order: Tensor, size: int) -> Tensor:
    """Eval-mode logits of a split, computed in batches of the given order, in stored order."""
    net.eval()
    out = torch.empty(len(part), 2)
    with torch.no_grad():
        for chosen in order.split(size):
            out[chosen] = net(stream.normalisation(part.x[chosen]), part.task[chosen])
    return out


def strategy_for(
    net: Net, stream: Stream, method: Any, *, sees: Sees = "task", **kwargs: Any
) -> StreamStrategy:
    protocol = ProtocolSpec(epochs=2, batch_size=16)
    return StreamStrategy(
        stream=stream,
        sees=sees,
        data_seed=0,
        model=net,
        optimizer=torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9),
        train_mb_size=16,
        train_epochs=2,
        eval_mb_size=16,
        device="cpu",
        plugins=[Protocol(protocol, seed=0), TaskStatistics(), method],
        evaluator=EvaluationPlugin(loggers=[]),
        **kwargs,
    )


def test_any_batching_gives_the_same_result(stream: Stream) -> None:
    net = make_net()
    estimate(net, 0, batches(stream, 0))
    part = stream.tasks[0].test
    n = len(part)
    shuffled = torch.randperm(n, generator=torch.Generator().manual_seed(1))
    base = logits(net, stream, part, shuffled, 8)
    for order, size in ((torch.arange(n), 8), (torch.arange(n), 1), (shuffled, n), (shuffled, 5)):
        other = logits(net, stream, part, order, size)
        torch.testing.assert_close(other, base, atol=1e-5, rtol=1e-5)
        assert torch.equal(other.argmax(1), base.argmax(1))


def test_batch_statistics_depend_on_the_batching(stream: Stream) -> None:
    net = make_net("batch_stats")
    part = stream.tasks[0].test
    in_class_order = torch.arange(len(part))
    shuffled = torch.randperm(len(part), generator=torch.Generator().manual_seed(1))
    by_class = logits(net, stream, part, in_class_order, 8)
    assert not torch.allclose(by_class, logits(net, stream, part, shuffled, 8), atol=0.1)


@pytest.mark.parametrize("size", [7, 9, 64])
def test_training_split_is_exactly_standardised(stream: Stream, size: int) -> None:
    """Sizes 7 and 9 leave a remainder of one in a split of 64; 64 is a single batch."""
    net = make_net()
    for norm in (net.bn1, net.bn2):
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)
    estimate(net, 0, batches(stream, 0, size))
    outputs: dict[str, Tensor] = {}
    for name in ("bn1", "bn2"):
        net.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: outputs.update({name: out})
        )
    part = stream.tasks[0].train
    logits(net, stream, part, torch.arange(len(part)), len(part))
    for out in outputs.values():
        var, mean = torch.var_mean(out, [0, *range(2, out.dim())], correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-5, rtol=0)
        torch.testing.assert_close(var, torch.ones_like(var), atol=1e-3, rtol=0)


def test_statistics_do_not_depend_on_the_batch_size(stream: Stream) -> None:
    results = []
    for size in (5, 64):
        net = make_net()
        estimate(net, 0, batches(stream, 0, size))
        results.append([(norm.task_mean, norm.task_var) for norm in (net.bn1, net.bn2)])
    torch.testing.assert_close(results[0], results[1])


def test_one_whole_batch_equals_batch_statistics(stream: Stream) -> None:
    net, plain = make_net(), make_net("batch_stats")
    part = stream.tasks[0].train
    estimate(net, 0, batches(stream, 0))
    order = torch.arange(len(part))
    whole = logits(plain, stream, part, order, len(part))
    torch.testing.assert_close(logits(net, stream, part, order, 9), whole, atol=1e-5, rtol=1e-5)


def test_an_unestimated_task_is_normalised_by_its_batch(stream: Stream) -> None:
    net, plain = make_net(), make_net("batch_stats")
    estimate(net, 0, batches(stream, 0))
    part = stream.tasks[1].test
    order = torch.arange(len(part))
    assert torch.equal(logits(net, stream, part, order, 8), logits(plain, stream, part, order, 8))


def test_a_mixed_batch_uses_each_samples_own_task(stream: Stream) -> None:
    net = make_net()
    for task in range(2):
        estimate(net, task, batches(stream, task))
    parts = [stream.tasks[task].test for task in range(2)]
    alone = [logits(net, stream, part, torch.arange(len(part)), 8) for part in parts]
    mixed = logits(net, stream, Split.union(parts), torch.arange(2 * len(parts[0])).flip(0), 9)
    torch.testing.assert_close(mixed, torch.cat(alone), atol=1e-5, rtol=1e-5)


def norm_with_statistics() -> TaskNorm:
    norm = batch_norm(1, 4, "task_stats", 2)
    assert isinstance(norm, TaskNorm)
    norm.task_mean.fill_(0.5)
    norm.estimated.fill_(True)
    return norm


def test_training_always_uses_the_batch(stream: Stream) -> None:
    norm = norm_with_statistics()
    x, task = torch.randn(8, 4), torch.zeros(8, dtype=torch.int64)
    plain = nn.BatchNorm1d(4, track_running_stats=False)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    assert torch.equal(norm.train()(x, task), plain(x))
    assert not torch.equal(norm.eval()(x, task), plain(x))
    torch.testing.assert_close(norm.state_dict(), before)


def test_formula() -> None:
    norm = norm_with_statistics().eval()
    norm.task_var[1] = torch.tensor([1.0, 4.0, 9.0, 16.0])
    x = torch.randn(3, 4)
    expected = (x - 0.5) / (norm.task_var[1] + norm.eps).sqrt()
    torch.testing.assert_close(norm(x, torch.ones(3, dtype=torch.int64)), expected)


def test_copies_and_state_dict_keep_the_statistics(stream: Stream) -> None:
    net = make_net()
    estimate(net, 0, batches(stream, 0))
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    loaded = make_net()
    loaded.load_state_dict(torch.load(file, weights_only=True))
    part = stream.tasks[0].test
    order = torch.arange(len(part))
    expected = logits(net, stream, part, order, 8)
    for other in (loaded, copy.deepcopy(net)):
        assert torch.equal(logits(other, stream, part, order, 8), expected)


def test_ness_takes_them_for_norm_layers_without_running_statistics() -> None:
    for norm in (make_net().bn1, make_net().bn2):
        assert is_norm(norm)
        assert not keeps_running_statistics(norm)


def test_the_plugin_estimates_the_task_it_ends(stream: Stream) -> None:
    net = make_net()
    strategy = strategy_for(net, stream, Naive())
    experiences = stream.benchmark().train_stream
    strategy.train(experiences[0], eval_streams=[])
    for norm in (net.bn1, net.bn2):
        assert norm.estimated.tolist() == [True, False, False]
    kept = net.bn2.task_mean[0].clone()
    strategy.train(experiences[1], eval_streams=[])
    for norm in (net.bn1, net.bn2):
        assert norm.estimated.tolist() == [True, True, False]
    assert torch.equal(net.bn2.task_mean[0], kept)

    expected = copy.deepcopy(net)
    estimate(expected, 1, batches(stream, 1))
    torch.testing.assert_close(net.bn2.task_mean, expected.bn2.task_mean)


def test_joint_training_estimates_every_task(stream: Stream) -> None:
    net = make_net()
    strategy = strategy_for(net, stream, Joint(), sees="all")
    strategy.train(stream.benchmark("all").train_stream[0], eval_streams=[])
    assert net.bn1.estimated.tolist() == [True] * 3
    for task in range(3):
        expected = copy.deepcopy(net)
        estimate(expected, task, batches(stream, task))
        torch.testing.assert_close(net.bn2.task_mean, expected.bn2.task_mean)


def test_a_step_that_sees_all_tasks_so_far_estimates_each_anew(stream: Stream) -> None:
    net = make_net()
    strategy = strategy_for(net, stream, Naive(), sees="seen")
    first, second, _ = stream.benchmark("seen").train_stream
    strategy.train(first, eval_streams=[])
    old = net.bn2.task_mean[0].clone()
    strategy.train(second, eval_streams=[])
    assert net.bn1.estimated.tolist() == [True, True, False]
    assert not torch.equal(net.bn2.task_mean[0], old)
    for task in range(2):
        expected = copy.deepcopy(net)
        estimate(expected, task, batches(stream, task))
        torch.testing.assert_close(net.bn2.task_mean, expected.bn2.task_mean)


@pytest.mark.filterwarnings("ignore:NESSPlugin")
def test_later_tasks_of_ness_train_in_training_mode(stream: Stream) -> None:
    """And the accuracy afterwards is that of any batching, with the update merged."""
    net = make_net()
    strategy = strategy_for(net, stream, NESSPlugin(eps=0.02))
    modes: set[bool] = set()
    net.bn1.register_forward_pre_hook(
        lambda norm, _: modes.add(norm.training) if torch.is_grad_enabled() else None
    )
    for experience in stream.benchmark().train_stream:
        strategy.train(experience, eval_streams=[])
    assert modes == {True}
    for task in stream.tasks:
        order = torch.arange(len(task.test))
        one = logits(net, stream, task.test, order, 1)
        assert torch.equal(one.argmax(1), logits(net, stream, task.test, order, 8).argmax(1))


def test_estimation_draws_nothing_and_restores_modes(stream: Stream) -> None:
    net = make_net().train()
    net.bn2.eval()
    before = torch.get_rng_state()
    estimate(net, 0, batches(stream, 0))
    assert torch.equal(torch.get_rng_state(), before)
    assert net.training
    assert net.bn1.training
    assert not net.bn2.training
    assert not net.bn1._forward_pre_hooks


def test_statistics_are_measured_in_float32_where_training_computes_in_bfloat16(
    stream: Stream,
) -> None:
    net = make_net()
    compute = Outputs(run_spec("naive", "precision=bf16"))
    strategy = strategy_for(net, stream, Naive(), compute=compute)
    strategy.train(stream.benchmark("task").train_stream[0], eval_streams=[])
    stored = {key: value.clone() for key, value in net.state_dict().items()}
    estimate(net, 0, batches(stream, 0))
    for key, value in net.state_dict().items():
        torch.testing.assert_close(stored[key], value, rtol=1e-6, atol=1e-7)
    with torch.no_grad():
        exact = net.eval()(*example(stream))
        assert 1e-4 < float((strategy.outputs(*example(stream)) - exact).abs().max()) < 0.1


def example(stream: Stream) -> tuple[Tensor, Tensor]:
    """Test images of the first task, and their task labels."""
    part = stream.tasks[0].test
    return stream.normalisation(part.x), part.task
