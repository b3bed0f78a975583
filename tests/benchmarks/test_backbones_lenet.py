"""The literature's LeNet: its size, its layers, and its function built from torch's modules."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.arguments import complete
from benchmarks.backbones import BACKBONES, lenet
from ness.layers import select_layers
from ness.rows import weight_columns


def labels(n: int, task: int = 0) -> Tensor:
    return torch.full((n,), task)


def reference(dropout: tuple[float, float], classes: int) -> nn.Sequential:
    def convolution(i: int, o: int) -> list[nn.Module]:
        return [
            nn.Conv2d(i, o, 5, padding=2, bias=False),
            nn.ReLU(),
            nn.LocalResponseNorm(4, 0.001 / 9.0, 0.75, 1),
            nn.Dropout(dropout[0]),
            nn.MaxPool2d(3, 2, padding=1),
        ]

    def linear(i: int, o: int) -> list[nn.Module]:
        return [nn.Linear(i, o, bias=False), nn.ReLU(), nn.Dropout(dropout[1])]

    return nn.Sequential(
        *convolution(3, 20),
        *convolution(20, 50),
        nn.Flatten(),
        *linear(3200, 800),
        *linear(800, 500),
        nn.Linear(500, classes, bias=False),
    )


def test_size_and_layers_of_the_papers() -> None:
    net = lenet(heads=[5] * 20, input_shape=(3, 32, 32))
    assert sum(p.numel() for p in net.parameters()) == 3_036_500
    dimensions = {name: weight_columns(layer) for name, layer in select_layers(net).items()}
    assert dimensions == {"conv1": 75, "conv2": 500, "fc1": 3200, "fc2": 800}
    assert all(p.dim() > 1 for p in net.parameters())


@pytest.mark.parametrize("training", [False, True])
def test_outputs_gradients_and_dropout_equal_the_reference(training: bool) -> None:
    torch.manual_seed(0)
    ours = lenet(heads=[7], input_shape=(3, 32, 32), dropout=(0.2, 0.5)).train(training)
    theirs = reference((0.2, 0.5), 7).train(training)
    pairs = list(zip(theirs.parameters(), ours.parameters(), strict=True))
    for a, b in pairs:
        a.data.copy_(b.data)
    x = torch.randn(6, 3, 32, 32)
    results = []
    for forward in (lambda: ours(x, labels(6)), lambda: theirs(x)):
        torch.manual_seed(1)
        logits = forward()
        logits.square().sum().backward()
        results.append(logits)
    assert torch.equal(*results)
    for a, b in pairs:
        torch.testing.assert_close(a.grad, b.grad)


def test_initial_weights_are_kaimings() -> None:
    """Uniform up to sqrt(6 / d): torch's own default is sqrt(6) times smaller."""
    torch.manual_seed(0)
    for parameter in lenet(heads=[5] * 2, input_shape=(3, 32, 32)).parameters():
        limit = (6 / parameter[0].numel()) ** 0.5
        assert 0.95 * limit < parameter.abs().max() <= limit


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 6), (1, 1, 1)])
def test_other_image_sizes(shape: tuple[int, ...]) -> None:
    net = lenet(heads=[2, 3], input_shape=shape, channels=[2, 3], hidden=[5, 4])
    assert net(torch.randn(2, *shape), labels(2, 1)).shape == (2, 3)
    assert net.heads.in_features == 4


def test_values_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"takes images, .* shape \(64,\)"):
        lenet(heads=[2], input_shape=(64,))
    with pytest.raises(ValueError, match=r"backbone_args\.channels = \[20\]: give two widths"):
        lenet(heads=[2], input_shape=(1, 8, 8), channels=[20])
    with pytest.raises(ValueError, match=r"backbone_args\.hidden = \[8, 0\]"):
        lenet(heads=[2], input_shape=(1, 8, 8), hidden=[8, 0])
    with pytest.raises(ValueError, match=r"backbone_args\.dropout = \[0, 1\]: give two prob"):
        lenet(heads=[2], input_shape=(1, 8, 8), dropout=[0, 1])


def test_as_a_table_of_the_spec() -> None:
    skip = frozenset({"heads", "input_shape"})
    args = complete(BACKBONES["lenet"], {}, where="backbone_args", skip=skip)
    assert args == {
        "channels": [20, 50],
        "hidden": [800, 500],
        "dropout": [0.0, 0.0],
        "bias": False,
    }


def test_biases_are_in_the_trunk_alone_and_start_as_pytorchs() -> None:
    plain, biased = (
        lenet(heads=[2, 3], input_shape=(1, 28, 28), channels=[2, 3], hidden=[5, 4], bias=bias)
        for bias in (False, True)
    )
    added = dict(biased.named_parameters()).keys() - dict(plain.named_parameters()).keys()
    assert added == {"conv1.bias", "conv2.bias", "fc1.bias", "fc2.bias"}
    bound = (1 * 5 * 5) ** -0.5
    assert 0 < float(biased.get_parameter("conv1.bias").abs().max()) <= bound
