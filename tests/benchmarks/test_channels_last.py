"""Nets whose images lie in memory with their channels last learn the same, to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import baselines
from benchmarks.backbones import BACKBONES
from toys import toy_benchmark, toy_strategy, train_quietly

METHODS = {
    "naive": {},
    "ness": {"eps": 5e-3},
    "gpm": {"threshold": 0.99},
    "trgp": {"threshold": 0.99},
    "adam_nscl": {},
    "lora": {"r": 2},
}


def learnt(method: str, *, channels_last: bool) -> tuple[list[Tensor], dict[str, int]]:
    """The weights after two tasks in float64, and the ranks of the second."""
    torch.manual_seed(0)
    model = BACKBONES["resnet18"](width=4, heads=[2, 2], input_shape=(3, 16, 16)).double()
    if channels_last:
        model.to(memory_format=torch.channels_last)
    plugin = baselines.load(method)(**METHODS[method])
    sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3)
    strategy = toy_strategy(model, [plugin], sgd, epochs=1)
    for experience in toy_benchmark(tasks=2, shape=(3, 16, 16), rank=4).train_stream:
        train_quietly(strategy, experience)
    kernels = [p for p in model.parameters() if p.dim() == 4 and p.shape[2] > 1]
    assert all(p.is_contiguous() != channels_last for p in kernels), "the layout is kept"
    return [p.detach() for p in model.parameters()], plugin.ranks


@pytest.fixture(autouse=True)
def _in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("method", METHODS)
def test_the_layout_changes_nothing_but_rounding(method: str) -> None:
    plain, ranks = learnt(method, channels_last=False)
    other, other_ranks = learnt(method, channels_last=True)
    assert ranks == other_ranks
    for a, b in zip(plain, other, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
