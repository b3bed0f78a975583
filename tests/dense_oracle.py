"""Convolutions of every kind, and their patches cut out by hand, one position at a time."""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

CONVOLUTIONS = {
    "plain": nn.Conv2d(3, 4, 3),
    "stride": nn.Conv2d(3, 4, 3, stride=2),
    "strides": nn.Conv2d(3, 4, (2, 3), stride=(3, 1)),
    "padding": nn.Conv2d(3, 4, 3, padding=(1, 2)),
    "same": nn.Conv2d(3, 4, 3, padding="same", dilation=2),
    "same_even": nn.Conv2d(3, 4, (4, 2), padding="same"),
    "valid": nn.Conv2d(3, 4, 3, padding="valid"),
    "dilation": nn.Conv2d(3, 4, 3, dilation=(2, 1), padding=1),
    "reflect": nn.Conv2d(3, 4, 3, padding=2, padding_mode="reflect"),
    "replicate": nn.Conv2d(3, 4, 3, padding=1, padding_mode="replicate", stride=2),
    "circular": nn.Conv2d(3, 4, 3, padding=(1, 2), padding_mode="circular"),
    "groups": nn.Conv2d(4, 6, 3, groups=2, padding=1),
    "depthwise": nn.Conv2d(4, 8, 3, groups=4, stride=2, padding=1, dilation=2),
    "pointwise": nn.Conv2d(3, 4, 1, stride=2),
    "conv1d": nn.Conv1d(3, 4, 3, stride=2, padding=1, dilation=2),
    "conv1d_groups": nn.Conv1d(4, 4, 3, groups=4, padding="same"),
    "conv3d": nn.Conv3d(2, 3, (1, 2, 3), padding=(0, 1, 1), stride=(1, 2, 1)),
}


def image_for(layer):
    sizes = {1: (9,), 2: (7, 8), 3: (3, 4, 5)}[len(layer.kernel_size)]
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, layer.in_channels, *sizes, generator=generator)


def dense_rows(layer, x):
    """Patches cut out by hand: for each group a list of (channel, *kernel) vectors."""
    spatial = len(layer.kernel_size)
    if isinstance(layer.padding, str):
        both = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
        both = both if layer.padding == "same" else [0] * spatial
        pads = [(b // 2, b - b // 2) for b in both]
    else:
        pads = [(p, p) for p in layer.padding]
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    x = F.pad(x, [side for pair in reversed(pads) for side in pair], mode=mode)
    spans = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    starts = [
        range(0, size - span + 1, step)
        for size, span, step in zip(x.shape[2:], spans, layer.stride, strict=True)
    ]
    per_group = layer.in_channels // layer.groups
    groups = []
    for g in range(layer.groups):
        channels = x[:, g * per_group : (g + 1) * per_group]
        rows = []
        for image in channels:
            for corner in itertools.product(*starts):
                window = [
                    slice(a, a + span, d)
                    for a, span, d in zip(corner, spans, layer.dilation, strict=True)
                ]
                rows.append(image[(slice(None), *window)].reshape(-1))
        groups.append(torch.stack(rows))
    return torch.stack(groups)
