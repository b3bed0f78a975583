"""Which way of training the update a layer gets."""

import pytest
import torch
from torch import nn

from ness.adapter import LowRankUpdate
from ness.forms import attach_update
from ness.nullspace import NullSpace
from ness.projected import ProjectedWeight


def space(d, r):
    Q = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64)).Q
    nothing = torch.zeros(())
    return NullSpace(Q[:, :r], Q[:, r:], torch.zeros(d), nothing, nothing)


def sgd(layer):
    return torch.optim.SGD(layer.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("layer", "r", "first", "update"),
    [
        (nn.Linear(2048, 2048), 1922, False, ProjectedWeight),  # AlexNet's fc2: few protected
        (nn.Linear(1024, 2048), 841, False, ProjectedWeight),  # its fc1
        (nn.Linear(2048, 2048), 20, False, LowRankUpdate),  # few free
        (nn.Linear(784, 256), 535, True, LowRankUpdate),  # MNIST's pixels
        (nn.Conv2d(3, 64, 4), 3, True, ProjectedWeight),
        (nn.Conv2d(64, 128, 3), 348, False, ProjectedWeight),
    ],
)
def test_auto_is_the_cheaper_under_sgd(layer, r, first, update):
    d = layer.weight[0].numel()
    attach_update(layer, space(d, r), form="auto", optimizer=sgd(layer), first=first)
    assert isinstance(layer, update)


@pytest.mark.parametrize("form", ["fold", "factored", "projected"])
def test_a_form_that_is_asked_for_is_given(form):
    layer = nn.Linear(20, 30)
    attach_update(layer, space(20, 18), form=form, optimizer=sgd(layer))
    assert isinstance(layer, ProjectedWeight if form == "projected" else LowRankUpdate)
    assert form == "projected" or layer.update_form == form


def test_other_optimisers_and_heads_of_some_rows_keep_u():
    class Other(torch.optim.SGD):
        """May step otherwise."""

    cases = ((torch.optim.Adam, True), (Other, True), (torch.optim.SGD, False))
    for optimizer, whole in cases:
        layer = nn.Linear(200, 300)
        made = optimizer(layer.parameters(), lr=0.1)
        attach_update(layer, space(200, 195), form="auto", optimizer=made, whole=whole)
        assert isinstance(layer, LowRankUpdate)
        assert layer.update_form == "auto"
