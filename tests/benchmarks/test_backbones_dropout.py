"""Dropout from 16 random bits: its rate, expectation, gradient and reproducibility."""

import pytest
import torch
import torch.nn.functional as F

from benchmarks.backbones import BACKBONES
from benchmarks.backbones.dropout import dropout


def seeded(*args, **kwargs):
    torch.manual_seed(3)
    return dropout(*args, **kwargs)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_drops_as_many_as_it_should_and_keeps_the_expectation(p):
    x = torch.ones(1_000_001)
    y = seeded(x, p, True, fast=True)
    kept = y > 0
    deviation = (p * (1 - p) / len(x)) ** 0.5
    assert abs(float(kept.double().mean()) - (1 - p)) < 5 * deviation
    assert y[kept].unique().tolist() == pytest.approx([1 / (1 - p)], rel=1e-4)
    # Neighbours come from the same word of 64 bits.
    for lag in (1, 2, 3, 4):
        both = (kept[lag:] & kept[:-lag]).double().mean()
        assert abs(float(both) - (1 - p) ** 2) < 10 * deviation


def test_the_same_seed_drops_the_same_and_the_gradient_is_the_mask():
    x = torch.randn(5, 7, 3).requires_grad_()
    y = seeded(x, 0.5, True, fast=True)
    assert torch.equal(y, seeded(x, 0.5, True, fast=True))
    assert not torch.equal(y, dropout(x, 0.5, True, fast=True))
    y.sum().backward()
    assert torch.equal(x.grad * x, y)
    assert set(x.grad.unique().tolist()) == {0.0, 2.0}


def test_is_torchs_own_where_nobody_asked_and_nothing_in_evaluation():
    x = torch.randn(40, 50)
    torch.manual_seed(3)
    expected = F.dropout(x, 0.3, True)
    assert torch.equal(seeded(x, 0.3, True), expected)
    assert torch.equal(dropout(x, 0.3, False, fast=True), x)
    assert torch.equal(dropout(x, 0.0, True, fast=True), x)


def test_a_net_that_asks_for_it_trains_with_other_masks_and_evaluates_alike():
    x, task = torch.randn(8, 3, 32, 32), torch.zeros(8, dtype=torch.int64)
    outputs = []
    for fast in (False, True):
        torch.manual_seed(0)
        net = BACKBONES["alexnet"](heads=[2], fast_dropout=fast)
        torch.manual_seed(1)
        trained = net(x, task)
        outputs.append((trained, net.eval()(x, task)))
    assert not torch.allclose(outputs[0][0], outputs[1][0])
    assert torch.equal(outputs[0][1], outputs[1][1])


def test_nearly_all_dropped_is_no_division_by_zero():
    y = seeded(torch.ones(200_000), 0.999999, True, fast=True)
    assert torch.isfinite(y).all()
