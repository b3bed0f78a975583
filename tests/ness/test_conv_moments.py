"""Moments of windows by differences of offsets, against the windows written out."""

import pytest
import torch
from torch import nn

from ness import rows as module
from ness.conv_moments import pays, window_moments
from ness.moments import InputMoments
from ness.rows import input_rows, second_moment

SIZES = [
    ((2, 3, 7, 8), (3, 3)),
    ((2, 4, 5, 6), (2, 2)),
    ((1, 2, 3, 3), (3, 3)),  # one window
    ((2, 3, 4, 5), (4, 4)),  # a kernel as high as the image
    ((3, 2, 9, 4), (5, 3)),
    ((2, 3, 6, 6), (1, 3)),
    ((2, 3, 6, 5), (3, 1)),
    ((2, 5, 3, 4), (1, 1)),
]


@pytest.mark.parametrize(("shape", "kernel"), SIZES)
def test_equal_those_of_the_unfolded_windows(shape, kernel):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows = input_rows(nn.Conv2d(shape[1], 4, kernel), x)
    M = window_moments(x, kernel)
    torch.testing.assert_close(M, rows.mT @ rows, rtol=1e-12, atol=1e-12)
    assert torch.equal(M, M.mT)


@pytest.mark.parametrize("padding", [0, 1, (2, 1), "same"])
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_a_convolution_that_pays_is_measured_so(padding, mode, monkeypatch):
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 4, 3, padding=padding, padding_mode=mode)
    x = torch.randn(2, 16, 12, 12)
    calls = []

    def counted(*args):
        calls.append(args)
        return window_moments(*args)

    monkeypatch.setattr(module, "window_moments", counted)
    measured = InputMoments({"conv": layer})
    measured.collect(layer, [x, 2 * x], layer)
    rows = input_rows(layer, torch.cat([x, 2 * x])).double()
    assert len(calls) == 2
    M = rows.mT @ rows
    torch.testing.assert_close(measured.M["conv"], M, rtol=1e-5, atol=float(M.max()) * 1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(16, 4, 3, stride=2),
        nn.Conv2d(16, 4, 3, dilation=2),
        nn.Conv2d(16, 4, 3, groups=2),
        nn.Conv2d(3, 4, 3),
        nn.Conv1d(16, 4, 3),
    ],
)
def test_others_are_unfolded(layer, monkeypatch):
    monkeypatch.setattr(module, "window_moments", None)
    shape = (2, layer.in_channels, 12, 12)[: 2 + len(layer.kernel_size)]
    x = torch.randn(shape)
    rows = input_rows(layer, x)
    assert torch.equal(second_moment(layer, x), rows.mT @ rows)


def test_pays_on_wide_images_of_many_channels():
    assert pays(64, (14, 14), (3, 3))
    assert not pays(160, (6, 6), (3, 3)), "nearly all of it is margin"
    assert not pays(3, (32, 32), (4, 4)), "few channels"
    assert not pays(64, (14, 14), (1, 1)), "nothing is unfolded"
