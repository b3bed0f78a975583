"""Training the weight with the gradient G V V^T against its oracle: U trained beside it."""

import copy

import pytest
import torch
from avalanche.core import SupervisedPlugin
from test_adapter import LAYERS, make

from ness import NESSPlugin
from ness.adapter import LowRankUpdate, attach
from ness.forms import attach_update
from ness.nullspace import NullSpace
from ness.projected import DecayFromBase, attach_projected
from ness.rows import weight_columns
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly

SGDS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "decay": {"momentum": 0.9, "weight_decay": 0.1},
    "nesterov": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "dampening": {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
    "maximize": {"momentum": 0.9, "maximize": True, "weight_decay": 0.1},
}


def complement(layer, V):
    """The directions that V leaves out."""
    U, _, _ = torch.linalg.svd(V, full_matrices=True)
    return U[..., V.shape[-1] :]


def train(layer, x, optimizer, *, steps=5):
    torch.manual_seed(1)
    DecayFromBase(optimizer, [layer])
    for _ in range(steps):
        optimizer.zero_grad()
        layer(x + torch.randn_like(x)).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", SGDS)
@pytest.mark.parametrize("by", ["V", "C"])
def test_sgd_on_the_weight_equals_sgd_on_u(name, kind, by):
    d = weight_columns(LAYERS[name][0]())
    layer, V, x = make(name, r=d - 2 if by == "C" else min(3, d // 2), dtype=torch.float64)
    V = torch.linalg.qr(V.double()).Q
    oracle = copy.deepcopy(layer)
    for each in (layer, oracle):
        each.requires_grad_(False)
    attach(oracle, V, form="fold")
    projected = attach_projected(layer.requires_grad_(False), V, complement(layer, V))
    layer.weight.requires_grad_(True)
    assert projected.complement == (by == "C")
    train(oracle, x, torch.optim.SGD([oracle.U], lr=0.05, **SGDS[kind]))
    train(layer, x, torch.optim.SGD([layer.weight], lr=0.05, **SGDS[kind]))
    assert not torch.allclose(layer.weight, projected.base, atol=1e-3)
    torch.testing.assert_close(layer.delta(), oracle.delta(), atol=1e-10, rtol=1e-8)
    torch.testing.assert_close(layer(x), oracle(x), atol=1e-10, rtol=1e-8)
    layer.merge()
    oracle.merge()
    torch.testing.assert_close(layer.weight, oracle.weight, atol=1e-10, rtol=1e-8)
    assert type(layer) is type(LAYERS[name][0]())


class Clip(SupervisedPlugin):
    """Gradients at most so long, before each step."""

    def before_update(self, strategy, **kwargs):
        torch.nn.utils.clip_grad_norm_(strategy.model.parameters(), 0.05)


@pytest.fixture
def _in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def learnt(form, net, others, *, first=True):
    """A net after three tasks, with plugins before NESS or after it."""
    torch.manual_seed(0)
    model = ToyNet() if net == "mlp" else ToyConvNet()
    plugin = NESSPlugin(eps=0.085, form=form, train_norm=True)
    plugins = [*others, plugin] if first else [plugin, *others]
    sgd = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.1)
    strategy = toy_strategy(model, plugins, sgd, batch=8)  # fewer rows than outputs
    shape = (12,) if net == "mlp" else (2, 6, 6)
    for experience in toy_benchmark(tasks=3, shape=shape).train_stream:
        train_quietly(strategy, experience)
    assert not strategy.optimizer._optimizer_step_pre_hooks
    return model


@pytest.mark.usefixtures("_in_float64")
@pytest.mark.parametrize("net", ["mlp", "conv"])
@pytest.mark.parametrize("clip", ["none", "first", "last"])
def test_a_stream_learnt_projected_is_the_stream_learnt_through_u(net, clip):
    others = [] if clip == "none" else [Clip()]
    through_u = learnt("factored", net, others, first=clip == "first")
    projected = learnt("projected", net, others, first=clip == "first")
    for (name, a), b in zip(through_u.named_parameters(), projected.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7, msg=name)


def test_other_optimisers_are_refused_before_anything_is_trained():
    model = ToyNet()
    adam = torch.optim.Adam(model.parameters())
    strategy = toy_strategy(model, [NESSPlugin(form="projected")], adam)
    with pytest.raises(ValueError, match="the optimiser is Adam: choose form = 'auto'"):
        train_quietly(strategy, toy_benchmark(tasks=1).train_stream[0])


@pytest.mark.parametrize("rows", [4, 40])  # inputs projected, and the gradient itself
def test_gradients_under_autocast_stay_within_the_span_to_float32(rows):
    torch.manual_seed(0)
    layer, below = torch.nn.Linear(24, 16), torch.nn.Linear(24, 24)
    V = torch.linalg.qr(torch.randn(24, 24)).Q[:, :20]
    projected = attach_projected(layer, V, complement(layer, V))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = layer(below(torch.randn(rows, 24)))
        outputs.square().sum().backward()
    assert outputs.dtype == torch.bfloat16
    gradient = layer.weight.grad
    assert gradient.dtype == torch.float32
    outside = gradient - projected.project(gradient)
    assert outside.norm() < 1e-5 * gradient.norm()
    assert below.weight.grad.norm() > 0


def test_gradients_are_as_they_arose_after_a_step_and_closures_are_refused():
    layer, V, x = make("linear", r=3, dtype=torch.float64)
    V = torch.linalg.qr(V.double()).Q
    projected = attach_projected(layer, V, complement(layer, V))
    sgd = torch.optim.SGD([layer.weight], lr=0.1, weight_decay=0.1)
    hook = DecayFromBase(sgd, [layer])
    layer(x).square().mean().backward()
    before = layer.weight.grad.clone()
    sgd.step()
    assert torch.equal(layer.weight.grad, before)
    moved = layer.weight.detach() - projected.base
    torch.testing.assert_close(moved, projected.project_weight(moved))
    with pytest.raises(ValueError, match=r"closure.*form = 'factored'"):
        sgd.step(lambda: 0.0)
    hook.remove()
    sgd.step(lambda: 0.0)


def test_a_bias_trains_beside_projected_inputs():
    torch.manual_seed(0)
    layer = torch.nn.Linear(6, 20)
    plain = copy.deepcopy(layer)
    V = torch.linalg.qr(torch.randn(6, 6)).Q[:, :4]
    projected = attach_projected(layer, V, complement(layer, V))
    x = torch.randn(5, 6)
    assert projected._by_inputs(x)
    assert not projected._by_inputs(torch.randn(50, 6))
    for each in (layer, plain):
        each(x).square().mean().backward()
    torch.testing.assert_close(layer.bias.grad, plain.bias.grad)
    torch.testing.assert_close(layer.weight.grad, projected.project(plain.weight.grad))


def test_half_precision_weights_train_through_u():
    layer = torch.nn.Linear(64, 32).bfloat16()
    Q = torch.linalg.qr(torch.randn(64, 64, dtype=torch.float64)).Q
    space = NullSpace(Q[:, :60], Q[:, 60:], torch.zeros(64), torch.zeros(()), torch.zeros(()))
    sgd = torch.optim.SGD(layer.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="bfloat16 weight"):
        attach_update(layer, space, form="projected", optimizer=sgd)
    attach_update(layer, space, form="auto", optimizer=sgd)
    assert isinstance(layer, LowRankUpdate)
