"""The papers' AlexNet, against an independent net built layer by layer from torch's own."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from benchmarks.arguments import complete
from benchmarks.backbones import BACKBONES, AlexNet, alexnet
from benchmarks.errors import BadInput
from ness.layers import is_norm, keeps_running_statistics, select_layers
from ness.rows import weight_columns


def reference(dropout: Sequence[float], classes: int) -> nn.Sequential:
    def convolution(i: int, o: int, kernel: int, p: float) -> list[nn.Module]:
        norm = nn.BatchNorm2d(o, track_running_stats=False)
        return [
            nn.Conv2d(i, o, kernel, bias=False),
            norm,
            nn.ReLU(),
            nn.Dropout(p),
            nn.MaxPool2d(2),
        ]

    def linear(i: int, o: int, p: float) -> list[nn.Module]:
        norm = nn.BatchNorm1d(o, track_running_stats=False)
        return [nn.Linear(i, o, bias=False), norm, nn.ReLU(), nn.Dropout(p)]

    return nn.Sequential(
        *convolution(3, 64, 4, dropout[0]),
        *convolution(64, 128, 3, dropout[1]),
        *convolution(128, 256, 2, dropout[2]),
        nn.Flatten(),
        *linear(1024, 2048, dropout[3]),
        *linear(2048, 2048, dropout[4]),
        nn.Linear(2048, classes, bias=False),
    )


def parameters_of(net: nn.Module) -> list[nn.Parameter]:
    return list(net.parameters())


@pytest.fixture(scope="module")
def net() -> AlexNet:
    torch.manual_seed(0)
    return alexnet(heads=[10] * 10)


def labels(n: int, task: int = 0) -> Tensor:
    return torch.full((n,), task)


def test_parameter_counts(net: AlexNet) -> None:
    assert sum(p.numel() for p in net.parameters()) == 6_713_216
    assert sum(p.numel() for p in net.heads.parameters()) == 204_800
    assert all(p.numel() == 20_480 for p in net.heads.parameters())
    task_stats = alexnet(heads=[10] * 10, bn="task_stats")
    assert sum(p.numel() for p in task_stats.parameters()) == 6_713_216


def test_layers_and_their_input_dimensions(net: AlexNet) -> None:
    dimensions = {name: weight_columns(layer) for name, layer in select_layers(net).items()}
    assert dimensions == {"conv1": 48, "conv2": 576, "conv3": 512, "fc1": 1024, "fc2": 2048}
    assert [name for name, module in net.named_modules() if is_norm(module)] == [
        f"bn{i}" for i in range(1, 6)
    ]
    assert not any(keeps_running_statistics(module) for module in net.modules())
    assert not any(name.endswith("bias") and "bn" not in name for name, _ in net.named_parameters())


@pytest.mark.parametrize("training", [False, True])
def test_outputs_gradients_and_dropout_equal_the_reference(training: bool) -> None:
    """Seed by seed: the same initial weights, dropout masks, logits and gradients."""
    torch.manual_seed(1)
    ours = alexnet(heads=[7]).train(training)
    torch.manual_seed(1)
    theirs = reference((0.2, 0.2, 0.5, 0.5, 0.5), 7).train(training)
    for a, b in zip(parameters_of(ours), parameters_of(theirs), strict=True):
        assert torch.equal(a, b)
    x = torch.randn(6, 3, 32, 32)
    results = []
    for forward in (lambda: ours(x, labels(6)), lambda: theirs(x)):
        torch.manual_seed(2)
        logits = forward()
        logits.square().sum().backward()
        results.append(logits)
    assert torch.equal(results[0], results[1])
    for a, b in zip(parameters_of(ours), parameters_of(theirs), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_evaluation_uses_the_batch(net: AlexNet) -> None:
    net.eval()
    x = torch.randn(8, 3, 32, 32)
    with torch.no_grad():
        whole, half = net(x, labels(8)), net(x[:4], labels(4))
    assert not torch.allclose(whole[:4], half, atol=1e-3)


def test_a_batch_of_one_cannot_be_normalised(net: AlexNet) -> None:
    net.eval()
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        net(torch.randn(1, 3, 32, 32), labels(1))


@pytest.mark.parametrize("bn", ["batch_stats", "task_stats"])
def test_single_task_forward_is_the_same(bn: str) -> None:
    net = alexnet(heads=[2, 3], bn=bn).eval()  # type: ignore[arg-type]
    x = torch.randn(4, 3, 32, 32)
    assert torch.equal(net(x, labels(4, 1)), net.forward_single_task(x, 1))


@pytest.mark.parametrize("side", [19, 32])
def test_other_image_sizes(side: int) -> None:
    net = alexnet(heads=[2], input_shape=(1, side, side))
    assert net(torch.randn(2, 1, side, side), labels(2)).shape == (2, 2)


@pytest.mark.parametrize("shape", [(3, 18, 18), (3, 32, 24), (64,)])
def test_images_that_do_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 19 x 19"):
        alexnet(heads=[2], input_shape=shape)


def test_values_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"backbone_args\.dropout = \[0\.5\]"):
        alexnet(heads=[2], dropout=[0.5])
    with pytest.raises(ValueError, match="five probabilities"):
        alexnet(heads=[2], dropout=[0.1, 0.1, 0.1, 0.1, 1.0])
    with pytest.raises(ValueError, match=r"backbone_args\.bn = 'running'.*batch_stats, task_stats"):
        alexnet(heads=[2], bn="running")  # type: ignore[arg-type]


def test_as_a_table_of_the_spec() -> None:
    skip = frozenset({"heads", "input_shape"})
    given = {"dropout": [0.0, 0.0, 0.0, 0.0, 0.0]}
    args = complete(BACKBONES["alexnet"], given, where="backbone_args", skip=skip)
    assert args == {"bn": "batch_stats", "dropout": [0.0] * 5}
    with pytest.raises(BadInput, match="bn"):
        complete(BACKBONES["alexnet"], {"bn": "other"}, where="backbone_args", skip=skip)


def test_deepcopy_and_state_dict() -> None:
    net = alexnet(heads=[2, 2], bn="task_stats").eval()
    other = copy.deepcopy(net)
    for parameter in other.parameters():
        parameter.data.zero_()
    other.load_state_dict(net.state_dict())
    x = torch.randn(4, 3, 32, 32)
    assert torch.equal(net(x, labels(4)), other(x, labels(4)))
