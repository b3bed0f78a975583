"""LoRA: an update of the rank asked for, trained from nothing, merged after the task."""

import pytest
import torch
from torch import nn

from baselines.lora import LoRA
from ness.attached import Attached
from ness.rows import weight_matrix
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_the_update_has_the_rank_asked_for(net):
    torch.manual_seed(0)
    shape = (12,) if net == "mlp" else (2, 6, 6)
    model = ToyNet() if net == "mlp" else ToyConvNet()
    plugin = LoRA(r=2)
    strategy = toy_strategy(model, [plugin], epochs=4)
    stream = toy_benchmark(tasks=2, shape=shape).train_stream
    train_quietly(strategy, stream[0])
    before = trunk(model)
    train_quietly(strategy, stream[1])
    assert plugin.ranks == dict.fromkeys(plugin.layers(model), 2)
    for name, layer in plugin.layers(model).items():
        assert not isinstance(layer, Attached)
        dW = weight_matrix(layer, layer.weight.detach() - before[f"{name}.weight"]).double()
        sigma = torch.linalg.svdvals(dW)
        assert (sigma[..., 1] > 1e-3 * sigma[..., 0]).all()
        assert (sigma[..., 2:] < 1e-4 * sigma[..., :1]).all()
    frozen = {n for n, t in trunk(model).items() if torch.equal(t, before[n])}
    assert frozen == {n for n in before if not n.endswith("weight") or n == "bn.weight"}


def test_starts_from_the_same_function_with_both_factors_trained():
    torch.manual_seed(0)
    model, plugin = ToyNet(), LoRA(r=3, alpha=6)
    strategy = toy_strategy(model, [plugin], epochs=1)
    stream = toy_benchmark(tasks=2).train_stream
    train_quietly(strategy, stream[0])
    x = torch.randn(5, 12)
    before = model.features(x)
    strategy.experience = stream[1]
    with torch.no_grad():
        plugin.begin_task(strategy)
    torch.testing.assert_close(model.features(x), before)
    layer = model.fc1
    assert layer.update_scale == 2
    assert isinstance(layer.V, nn.Parameter)
    assert layer.U.abs().max() == 0
    bound = 1 / 12**0.5  # Kaiming-uniform with a = sqrt(5) over 12 inputs
    assert 0.5 * bound < layer.V.abs().max() <= bound
    assert layer.V.requires_grad
    assert layer.U.requires_grad
    assert not layer.weight.requires_grad


def test_keeps_nothing():
    assert LoRA().state_bytes() == 0


def test_bad_rank_is_named():
    with pytest.raises(ValueError, match="r = 0"):
        LoRA(r=0)
