"""The inputs that a Linear or convolution layer multiplies with its weight, and their moments."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ness.conv_moments import pays, window_moments

ConvNd = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def input_rows(layer: Layer, x: Tensor) -> Tensor:
    """The inputs that a layer multiplies with its weight, one row a product: (..., n, d).

    A Linear's input of any rank is flattened to (n, in_features). A convolution's is
    unfolded after its own padding: (n, d) with d = in_channels * prod(kernel_size) and the
    columns in the order of ``weight.flatten(1)``; (groups, n, d) if it is grouped.
    """
    if isinstance(layer, nn.Linear):
        return x.reshape(-1, layer.in_features)
    spatial = len(layer.kernel_size)
    x = _windows(layer, x).unflatten(
        1, (layer.groups, -1)
    )  # (batch, groups, channels, *positions, *kernel)
    positions = range(3, 3 + spatial)
    x = x.permute(1, 0, *positions, 2, *range(3 + spatial, x.dim()))
    rows = x.reshape(layer.groups, -1, weight_columns(layer))
    return rows if layer.groups > 1 else rows[0]


def sampled_rows(
    layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor, share: float, generator: torch.Generator
) -> Tensor:
    """A share of a convolution's `input_rows`, drawn without replacement: (..., k, d), k >= 1.

    Scaled up, so that the expectation of their moment is that of all rows. Only these windows are
    copied. They are drawn on the CPU: the same on every device.
    """
    windows = _windows(layer, x)  # (batch, channels, *positions, *kernel)
    spatial = len(layer.kernel_size)
    sizes = (windows.shape[0], *windows.shape[2 : 2 + spatial])
    total = math.prod(sizes)
    k = math.ceil(share * total - 1e-9)  # 0.07 * 100 is a little above 7
    chosen = torch.randperm(total, generator=generator)[:k].to(x.device)
    at = torch.unravel_index(chosen, sizes)
    picked = windows.movedim(1, 1 + spatial)[at]  # (k, channels, *kernel)
    picked *= math.sqrt(total / max(k, 1))
    rows: Tensor = picked.unflatten(1, (layer.groups, -1)).transpose(0, 1).flatten(2)
    return rows if layer.groups > 1 else rows[0]


def second_moment(layer: Layer, x: Tensor) -> Tensor:
    """X^T X of the rows X that a layer multiplies (`input_rows`): (d, d), or (groups, d, d)."""
    if isinstance(layer, nn.Conv2d) and layer.groups == layer.stride[0] * layer.stride[1] == 1:
        padded = _pad(layer, batched(layer, x))
        _, channels, height, width = padded.shape
        kernel = (layer.kernel_size[0], layer.kernel_size[1])
        if layer.dilation == (1, 1) and pays(channels, (height, width), kernel):
            return window_moments(padded, kernel)
    rows = input_rows(layer, x)
    return rows.mT @ rows


def weight_columns(layer: Layer) -> int:
    """d: how many inputs one output of the layer sees."""
    return layer.weight.shape[1:].numel()


def weight_matrix(layer: nn.Module, weight: Tensor) -> Tensor:
    """A weight (or its update) as W with outputs = rows @ W^T: (out, d) or (groups, out/g, d)."""
    matrix = weight.flatten(1)
    groups = getattr(layer, "groups", 1)
    return matrix.unflatten(0, (groups, -1)) if groups > 1 else matrix


def _windows(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor) -> Tensor:
    """A view of the padded input: (batch, channels, *positions, *kernel)."""
    x = _pad(layer, batched(layer, x))
    for axis, (kernel, stride, dilation) in enumerate(
        zip(layer.kernel_size, layer.stride, layer.dilation, strict=True), start=2
    ):
        x = x.unfold(axis, dilation * (kernel - 1) + 1, stride)[..., ::dilation]
    return x


def batched(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor) -> Tensor:
    return x if x.dim() == len(layer.kernel_size) + 2 else x.unsqueeze(0)


def _pad(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor) -> Tensor:
    if layer.padding == "valid":
        return x
    pads: list[int] = []
    for axis in reversed(range(len(layer.kernel_size))):
        if layer.padding == "same":
            both = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
            pads += [both // 2, both - both // 2]
        else:
            pads += [int(layer.padding[axis])] * 2
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return F.pad(x, pads, mode=mode) if any(pads) else x
