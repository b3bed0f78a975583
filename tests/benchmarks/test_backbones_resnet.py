"""The papers' reduced ResNet18: its size, its layers, and its function computed in another way."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.arguments import complete
from benchmarks.backbones import BACKBONES, ResNet18, resnet18
from benchmarks.errors import BadInput
from ness.layers import keeps_running_statistics, select_layers
from ness.rows import weight_columns

FIVE = {"heads": [10] * 5, "input_shape": (3, 32, 32)}
MINI = {"heads": [5] * 20, "input_shape": (3, 84, 84), "stride": 2}
DIMENSIONS = [27, 180, 180, 180, 180]
DIMENSIONS += [180, 360, 20, 360, 360, 360, 720, 40, 720, 720, 720, 1440, 80, 1440, 1440]


def plain(net: ResNet18, x: Tensor, stride: int, task: int) -> Tensor:
    """The same function from the parameters in their order, and nothing else of the net."""
    weights = iter(list(net.parameters()))

    def conv_norm(x: Tensor, stride: int) -> Tensor:
        conv, scale, shift = next(weights), next(weights), next(weights)
        x = F.conv2d(x, conv, stride=stride, padding=conv.shape[-1] // 2)
        return F.batch_norm(x, None, None, scale, shift, training=True)

    x = conv_norm(x, stride).relu()
    for stage in range(4):
        for block in range(2):
            step = 2 if stage > 0 and block == 0 else 1
            out = conv_norm(conv_norm(x, step).relu(), 1)
            x = (out + (conv_norm(x, step) if step == 2 else x)).relu()
    x = F.avg_pool2d(x, 2).flatten(1)
    return x @ list(weights)[task].T


def labels(n: int, task: int = 0) -> Tensor:
    return torch.full((n,), task)


@pytest.mark.parametrize(
    ("arguments", "features", "parameters"), [(FIVE, 640, 1_125_140), (MINI, 1440, 1_237_140)]
)
def test_sizes_of_the_papers(arguments: dict, features: int, parameters: int) -> None:
    net = resnet18(**arguments)
    assert net.heads.in_features == features
    assert sum(p.numel() for p in net.parameters()) == parameters
    layers = select_layers(net)
    assert [weight_columns(layer) for layer in layers.values()] == DIMENSIONS
    assert len(layers) == 20
    assert all(isinstance(layer, nn.Conv2d) for layer in layers.values())
    assert sum(layer.kernel_size == (1, 1) for layer in layers.values()) == 3
    assert not any(keeps_running_statistics(module) for module in net.modules())
    assert not any(name.endswith("bias") and "bn" not in name for name, _ in net.named_parameters())


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(3, 32, 32, 1), (1, 37, 21, 2)])
def test_outputs_and_gradients_equal_a_plain_computation(
    shape: tuple[int, ...], training: bool
) -> None:
    *input_shape, stride = shape
    torch.manual_seed(0)
    net = resnet18(width=4, stride=stride, heads=[3, 5], input_shape=input_shape).train(training)
    for parameter in net.parameters():  # norm layers start as the identity: hide nothing
        if parameter.dim() == 1:
            nn.init.uniform_(parameter, 0.5, 1.5)
    x = torch.randn(4, *input_shape)
    ours, theirs = net(x, labels(4, 1)), plain(net, x, stride, 1)
    assert ours.shape == (4, 5)
    torch.testing.assert_close(ours, theirs)
    trained = [p for p in net.parameters() if p is not net.heads.classifiers["0"].weight]
    gradients = [torch.autograd.grad(z.square().sum(), trained) for z in (ours, theirs)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_statistics_of_tasks_reach_every_norm_layer() -> None:
    torch.manual_seed(0)
    net = resnet18(width=2, bn="task_stats", heads=[2, 3]).eval()
    norms = [module for module in net.modules() if hasattr(module, "estimated")]
    assert len(norms) == 20
    for norm in norms:
        norm.estimated[1] = True
    x = torch.randn(4, 3, 32, 32)
    whole = net(x, labels(4, 1))
    alone = torch.cat([net(x[i : i + 1], labels(1, 1)) for i in range(4)])
    torch.testing.assert_close(whole, alone)


@pytest.mark.parametrize(("side", "stride"), [(9, 1), (17, 2), (25, 3)])
def test_the_smallest_images(side: int, stride: int) -> None:
    net = resnet18(width=2, stride=stride, heads=[2], input_shape=(3, side, side))
    assert net(torch.randn(2, 3, side, side), labels(2)).shape == (2, 2)
    with pytest.raises(ValueError, match=rf"stride = {stride} takes images of at least {side} x"):
        resnet18(stride=stride, heads=[2], input_shape=(3, side - 1, side))


def test_values_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"samples of shape \(64,\)"):
        resnet18(heads=[2], input_shape=(64,))
    with pytest.raises(ValueError, match=r"backbone_args\.width = 0"):
        resnet18(heads=[2], width=0)
    with pytest.raises(ValueError, match=r"backbone_args\.stride = -1"):
        resnet18(heads=[2], stride=-1)


def test_as_a_table_of_the_spec() -> None:
    skip = frozenset({"heads", "input_shape"})
    args = complete(BACKBONES["resnet18"], {"stride": 2}, where="backbone_args", skip=skip)
    assert args == {"width": 20, "stride": 2, "bn": "batch_stats"}
    with pytest.raises(BadInput, match="nf"):
        complete(BACKBONES["resnet18"], {"nf": 20}, where="backbone_args", skip=skip)


def test_deepcopy_and_state_dict() -> None:
    net = resnet18(width=2, heads=[2, 2]).eval()
    other = copy.deepcopy(net)
    for parameter in other.parameters():
        parameter.data.zero_()
    other.load_state_dict(net.state_dict())
    x = torch.randn(4, 3, 32, 32)
    assert torch.equal(net(x, labels(4)), other(x, labels(4)))
