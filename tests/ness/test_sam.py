"""SAM: the gradient it steps with, and what the second pass shares with the first."""

import copy

import pytest
import torch
import torch.nn.functional as F
from avalanche.benchmarks.scenarios.online import split_online_stream
from avalanche.core import SupervisedPlugin
from avalanche.training.plugins import EWCPlugin
from torch import nn

from ness import NESSPlugin, SAMPlugin
from ness.sam import ascended
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


class OneStep(SupervisedPlugin):
    """Stops after a step; keeps the model and batch before it, and the gradients it used."""

    def before_training_iteration(self, strategy, **kwargs):
        self.model = copy.deepcopy(strategy.model)
        self.batch = (strategy.mb_x, strategy.mb_y, strategy.mb_task_id)

    def before_update(self, strategy, **kwargs):
        self.loss = strategy.loss.detach().clone()
        self.outputs = strategy.mb_output.detach().clone()
        self.gradients = {
            n: p.grad.clone() for n, p in strategy.model.named_parameters() if p.grad is not None
        }

    def after_training_iteration(self, strategy, **kwargs):
        strategy.stop_training()


def gradients(model, loss):
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return {n: g for n, g in zip(names, found, strict=True) if g is not None}


def by_hand(model, batch, rho):
    """The gradient at w + rho g / ||g||, written out."""
    x, y, t = batch
    first = gradients(model, F.cross_entropy(model(x, t), y))
    norm = torch.sqrt(sum(g.square().sum() for g in first.values()))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in first:
                p += rho * first[name] / norm
    return gradients(model, F.cross_entropy(model(x, t), y))


def one_step(model, *plugins):
    seen = OneStep()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    strategy = toy_strategy(model, [*plugins, seen], optimizer=optimizer, epochs=1)
    train_quietly(strategy, toy_benchmark().train_stream[0])
    return seen


def test_steps_with_the_gradient_at_the_perturbed_weights():
    torch.manual_seed(0)
    model = ToyNet(bias=True)
    seen = one_step(model, SAMPlugin(rho=0.3))
    expected = by_hand(seen.model, seen.batch, 0.3)
    assert seen.gradients.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(seen.gradients[name], gradient, rtol=1e-4, atol=1e-6)


def test_weights_loss_and_outputs_are_those_before_the_ascent():
    torch.manual_seed(0)
    model = ToyNet()
    seen = one_step(model, SAMPlugin(rho=0.5))
    x, y, t = seen.batch
    outputs = seen.model(x, t)
    torch.testing.assert_close(seen.outputs, outputs)
    torch.testing.assert_close(seen.loss.squeeze(), F.cross_entropy(outputs, y))
    # One plain SGD step from the weights before: nothing of the perturbation stays.
    for name, before in trunk(seen.model).items():
        expected = before - 0.05 * seen.gradients[name]
        torch.testing.assert_close(model.state_dict()[name], expected, rtol=1e-5, atol=1e-6)


class DropoutNet(ToyNet):
    """Keeps the random masks that its forward passes in training drew."""

    def __init__(self):
        super().__init__()
        self.masks = []

    def features(self, x):
        hidden = F.dropout(torch.ones(len(x), 16), 0.5, self.training)
        if self.training:
            self.masks.append(hidden)
        return super().features(x) * hidden


def test_both_passes_drop_the_same_units():
    torch.manual_seed(0)
    model = DropoutNet()
    one_step(model, SAMPlugin())
    first, second = model.masks
    assert 0 < first.count_nonzero() < first.numel()
    assert torch.equal(first, second)


def test_norm_buffers_move_once():
    buffers = []
    for plugins in ([], [SAMPlugin(rho=1.0)]):
        torch.manual_seed(0)
        model = ToyConvNet()
        strategy = toy_strategy(model, [*plugins, OneStep()], epochs=1)
        train_quietly(strategy, toy_benchmark(shape=(2, 6, 6)).train_stream[0])
        buffers.append(dict(model.bn.named_buffers()))
    assert buffers[0]["num_batches_tracked"] == 1
    assert all(torch.equal(buffers[0][name], buffers[1][name]) for name in buffers[0])


class Penalty(SupervisedPlugin):
    """Adds 3 * ||fc1.weight||^2 to the loss of whichever pass is under way."""

    def before_backward(self, strategy, **kwargs):
        strategy.loss += 3 * strategy.model.fc1.weight.square().sum()


@pytest.mark.parametrize("first", [False, True])
def test_penalties_of_other_plugins_enter_both_passes(first):
    torch.manual_seed(0)
    plugins = [Penalty(), SAMPlugin(rho=0.3)]
    seen = one_step(ToyNet(), *(plugins[::-1] if first else plugins))
    (x, y, t), model = seen.batch, seen.model

    def loss():
        return F.cross_entropy(model(x, t), y) + 3 * model.fc1.weight.square().sum()

    first_pass = gradients(model, loss())
    norm = torch.sqrt(sum(g.square().sum() for g in first_pass.values()))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in first_pass:
                p += 0.3 * first_pass[name] / norm
    for name, gradient in gradients(model, loss()).items():
        torch.testing.assert_close(seen.gradients[name], gradient, rtol=1e-4, atol=1e-6)


def test_ewc_beside_it_trains():
    torch.manual_seed(0)
    strategy = toy_strategy(ToyNet(), [SAMPlugin(), EWCPlugin(1.0)], epochs=1)
    for experience in toy_benchmark(tasks=2).train_stream:
        train_quietly(strategy, experience)


@pytest.mark.parametrize("others", [[], [NESSPlugin(eps=0.085)]])
def test_first_perturbs_task_one_alone(others):
    torch.manual_seed(0)
    model, passes = ToyNet(), []
    model.register_forward_hook(lambda *_: passes.append(model.training))
    sam = SAMPlugin(sam_tasks="first")
    strategy = toy_strategy(model, [sam, *others], epochs=1)
    counts = []
    for experience in toy_benchmark(tasks=2).train_stream:
        passes.clear()
        train_quietly(strategy, experience)
        counts.append(sum(passes))
    assert counts == [6, 3]  # 48 samples in batches of 16
    assert sam.tasks_done == 2


def test_a_resumed_stream_knows_that_task_one_is_over():
    sam = SAMPlugin(sam_tasks="first")
    sam.load_state_dict({"tasks_done": 1})
    torch.manual_seed(0)
    model, passes = ToyNet(), []
    model.register_forward_hook(lambda *_: passes.append(model.training))
    train_quietly(toy_strategy(model, [sam], epochs=1), toy_benchmark().train_stream[1])
    assert sum(passes) == 3
    assert sam.state_dict() == {"tasks_done": 2}


def test_the_parts_of_an_online_stream_are_one_task():
    torch.manual_seed(0)
    stream = toy_benchmark(2, task_labels=False).train_stream
    parts = split_online_stream(stream, experience_size=16, access_task_boundaries=True)
    sam, passes = SAMPlugin(sam_tasks="first"), []
    net = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 2))
    net.register_forward_hook(lambda *_: passes.append(1))
    strategy, counts, done = toy_strategy(net, [sam], epochs=1), [], []
    for part in parts:
        passes.clear()
        train_quietly(strategy, part)
        counts.append(len(passes))
        done.append(sam.tasks_done)
    assert counts == [2, 2, 2, 1, 1, 1]
    assert done == [0, 0, 1, 1, 1, 2]


def test_a_zero_gradient_moves_nothing():
    p = nn.Parameter(torch.ones(2))
    for gradient in (torch.zeros(2), torch.full((2,), torch.nan)):
        p.grad = gradient
        with ascended([p], 0.1) as moved:
            assert not moved
            assert torch.equal(p, torch.ones(2))


def test_weights_come_back_when_the_second_pass_fails():
    class Fails(SupervisedPlugin):
        def before_backward(self, strategy, **kwargs):
            if sam.second_pass:
                raise RuntimeError("second pass")

    torch.manual_seed(0)
    model, sam = ToyNet(), SAMPlugin(rho=10.0)
    before = trunk(model)
    with pytest.raises(RuntimeError, match="second pass"):
        train_quietly(
            toy_strategy(model, [sam, Fails()], epochs=1), toy_benchmark().train_stream[0]
        )
    assert all(torch.equal(trunk(model)[name], before[name]) for name in before)
    assert not sam.second_pass


@pytest.mark.parametrize("arguments", [{"rho": 0.0}, {"sam_tasks": "last"}])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        SAMPlugin(**arguments)


def test_gradient_plugins_listed_before_it_still_see_its_gradients():
    class Clip(SupervisedPlugin):
        def after_backward(self, strategy, **kwargs):
            nn.utils.clip_grad_norm_(strategy.model.parameters(), 1e-3)

    torch.manual_seed(0)
    seen = one_step(ToyNet(), Clip(), SAMPlugin(rho=0.3))
    norm = torch.sqrt(sum(g.square().sum() for g in seen.gradients.values()))
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)
