"""The reduced ResNet18 on which this literature reports 5-datasets and miniImageNet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.backbones.heads import MultiHeadNet, TaskHeads
from benchmarks.backbones.norms import BatchNormKind, batch_norm, normalise

STAGES = ((1, 1), (2, 2), (4, 2), (8, 2))
"""Channels (in units of the width) and stride of layer1 to layer4 (protocol.md section 2)."""
BLOCKS = 2
"""In each stage."""
POOL = 2
"""Side of the windows that the last activations are averaged in."""


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut; a 1 x 1 convolution where the shapes differ."""

    def __init__(
        self, channels: int, width: int, stride: int, bn: BatchNormKind, tasks: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = batch_norm(2, width, bn, tasks)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = batch_norm(2, width, bn, tasks)
        self.shortcut: nn.Module | None = None
        if stride != 1 or channels != width:
            self.shortcut = nn.Conv2d(channels, width, 1, stride, bias=False)
            self.bn_shortcut = batch_norm(2, width, bn, tasks)

    def forward(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Images (n, channels, h, w) of tasks (n,) to (n, width, h / stride, w / stride)."""
        out = torch.relu(normalise(self.bn1, self.conv1(x), task_labels))
        out = normalise(self.bn2, self.conv2(out), task_labels)
        if self.shortcut is not None:
            x = normalise(self.bn_shortcut, self.shortcut(x), task_labels)
        return torch.relu(out + x)


class ResNet18(MultiHeadNet):
    """conv1 -> norm -> ReLU, four stages of two blocks, averages of 2 x 2. See `resnet18`."""

    def __init__(
        self,
        *,
        heads: Sequence[int],
        input_shape: Sequence[int],
        width: int,
        stride: int,
        bn: BatchNormKind,
    ) -> None:
        super().__init__()
        tasks = len(heads)
        pooled = _pooled_sides(input_shape, stride)
        self.conv1 = nn.Conv2d(input_shape[0], width, 3, stride, padding=1, bias=False)
        self.bn1 = batch_norm(2, width, bn, tasks)
        channels = width
        self.stages = []
        for i, (factor, first) in enumerate(STAGES, start=1):
            blocks = nn.ModuleList()
            for block in range(BLOCKS):
                step = first if block == 0 else 1
                blocks.append(BasicBlock(channels, factor * width, step, bn, tasks))
                channels = factor * width
            self.add_module(f"layer{i}", blocks)
            self.stages.append(f"layer{i}")
        self.heads = TaskHeads(channels * pooled[0] * pooled[1], heads)

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Images (n, channels, h, w) of tasks (n,) to features (n, 8 * width * positions)."""
        x = torch.relu(normalise(self.bn1, self.conv1(x), task_labels))
        for stage in self.stages:
            for block in self.get_submodule(stage).children():
                x = block(x, task_labels)
        return F.avg_pool2d(x, POOL).flatten(1)


def resnet18(
    *,
    width: int = 20,
    stride: int = 1,
    bn: BatchNormKind = "batch_stats",
    heads: Sequence[int],
    input_shape: Sequence[int] = (3, 32, 32),
) -> ResNet18:
    """The papers' reduced ResNet18, without biases; protocol.md section 2.

    ``width``: channels of conv1 and layer1, doubled in each further stage. ``stride``: of conv1,
    1 in the papers' 5-datasets (32 x 32: 640 features, 1,125,140 parameters with 5 heads of 10),
    2 in their miniImageNet (84 x 84: 1440 features, 1,237,140 with 20 heads of 5). ``bn``: as of
    `alexnet`. 20 layers are adapted, the three 1 x 1 shortcuts among them. Raises `ValueError`,
    naming the key, for a value that does not fit, and for images that are too small.
    """
    for key, value in (("width", width), ("stride", stride)):
        if value < 1:
            raise ValueError(f"backbone_args.{key} = {value}: give 1 or more")
    return ResNet18(heads=heads, input_shape=input_shape, width=width, stride=stride, bn=bn)


def _pooled_sides(input_shape: Sequence[int], stride: int) -> list[int]:
    """Height and width of the last averages."""
    sides = list(input_shape[1:])
    # A convolution with stride s and half its kernel as padding leaves ceil(side / s).
    for step in (stride, *(first for _, first in STAGES)):
        sides = [-(-side // step) for side in sides]
    if len(input_shape) != 3 or min(sides) < POOL:
        smallest = stride * 2 ** (len(STAGES) - 1) + 1
        raise ValueError(
            f"backbone 'resnet18' with backbone_args.stride = {stride} takes images of at least "
            f"{smallest} x {smallest}, this stream has samples of shape {tuple(input_shape)}; set "
            f"a smaller stride, or choose another backbone"
        )
    return [side // POOL for side in sides]
