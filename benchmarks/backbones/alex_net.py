"""The 5-layer AlexNet on which this literature reports CIFAR-100 (GPM, SGP, TRGP, DFGP, NESS)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.backbones.dropout import dropout
from benchmarks.backbones.heads import MultiHeadNet, TaskHeads
from benchmarks.backbones.norms import BatchNormKind, batch_norm, normalise
from benchmarks.backbones.pooling import max_pool

CONVOLUTIONS = ((64, 4), (128, 3), (256, 2))
"""Channels and kernel of conv1 to conv3 (protocol.md section 2)."""
WIDTH = 2048
"""Of fc1 and fc2."""
SMALLEST = 19
"""Pixels a side that leave one position after conv3 and its pooling."""


class AlexNet(MultiHeadNet):
    """conv1-3, each conv -> norm -> ReLU -> dropout -> max-pool 2; fc1-2 alike without pooling.

    Stride 1, no padding, no biases. See `alexnet` for the arguments.
    """

    def __init__(
        self,
        *,
        heads: Sequence[int],
        input_shape: Sequence[int],
        bn: BatchNormKind,
        dropout: Sequence[float],
        fast_dropout: bool,
    ) -> None:
        super().__init__()
        self.dropout, self.fast_dropout = tuple(dropout), fast_dropout
        channels, *sides = input_shape
        if len(sides) != 2 or sides[0] != sides[1] or sides[0] < SMALLEST:
            raise ValueError(
                f"backbone 'alexnet' takes square images of at least {SMALLEST} x {SMALLEST}, this "
                f"stream has samples of shape {tuple(input_shape)}; choose another backbone"
            )
        side = sides[0]
        for i, (width, kernel) in enumerate(CONVOLUTIONS, start=1):
            self.add_module(f"conv{i}", nn.Conv2d(channels, width, kernel, bias=False))
            self.add_module(f"bn{i}", batch_norm(2, width, bn, len(heads)))
            channels, side = width, (side - kernel + 1) // 2
        features = channels * side**2
        for i in (4, 5):
            self.add_module(f"fc{i - 3}", nn.Linear(features, WIDTH, bias=False))
            self.add_module(f"bn{i}", batch_norm(1, WIDTH, bn, len(heads)))
            features = WIDTH
        self.heads = TaskHeads(features, heads)

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Images (n, channels, h, w) of tasks (n,) to features (n, 2048)."""
        for i in (1, 2, 3):
            x = max_pool(self._block(i, f"conv{i}", x, task_labels))
        x = x.flatten(1)
        for i in (4, 5):
            x = self._block(i, f"fc{i - 3}", x, task_labels)
        return x

    def _block(self, i: int, layer: str, x: Tensor, task_labels: Tensor) -> Tensor:
        x = normalise(self.get_submodule(f"bn{i}"), self.get_submodule(layer)(x), task_labels)
        p = self.dropout[i - 1]
        return dropout(torch.relu(x), p, self.training, fast=self.fast_dropout)


def alexnet(
    *,
    bn: BatchNormKind = "batch_stats",
    dropout: Sequence[float] = (0.2, 0.2, 0.5, 0.5, 0.5),
    fast_dropout: bool = False,
    heads: Sequence[int],
    input_shape: Sequence[int] = (3, 32, 32),
) -> AlexNet:
    """The papers' AlexNet: 6,713,216 parameters with 10 heads of 10, 204,800 of them heads.

    ``bn``: what the norm layers use in evaluation, the statistics of the test batch
    (``batch_stats``, as in the papers) or of the task's training split (``task_stats``:
    accuracy does not depend on how test samples are batched). ``dropout``: probability after
    each of the five layers; with ``fast_dropout`` from cheaper random numbers, see
    `benchmarks.backbones.dropout`. Input dimensions of the layers: 48, 576, 512, 1024, 2048. Raises
    `ValueError`, naming the key, for a value that does not fit.
    """
    if len(dropout) != 5 or not all(0 <= p < 1 for p in dropout):
        raise ValueError(
            f"backbone_args.dropout = {list(dropout)}: give five probabilities, each from 0 up to, "
            f"not including, 1"
        )
    return AlexNet(
        heads=heads, input_shape=input_shape, bn=bn, dropout=dropout, fast_dropout=fast_dropout
    )
