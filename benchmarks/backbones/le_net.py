"""The LeNet on which this literature reports the 20 superclasses of CIFAR-100."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.backbones.heads import MultiHeadNet, TaskHeads

KERNEL = 5
"""Of the convolutions; padded by 2."""
RESPONSE_NORM = (4, 0.001 / 9, 0.75, 1.0)
"""Channels, alpha, beta and k of the local response norm, which has no parameters."""


class LeNet(MultiHeadNet):
    """conv1-2, each conv -> ReLU -> local response norm -> dropout -> max-pool; fc1-2.

    See `lenet` for the arguments.
    """

    def __init__(
        self,
        *,
        heads: Sequence[int],
        input_shape: Sequence[int],
        channels: Sequence[int],
        hidden: Sequence[int],
        dropout: Sequence[float],
        bias: bool,
    ) -> None:
        super().__init__()
        if len(input_shape) != 3:
            raise ValueError(
                f"backbone 'lenet' takes images, this stream has samples of shape "
                f"{tuple(input_shape)}; choose another backbone"
            )
        self.dropout = tuple(dropout)
        before, *sides = input_shape
        for i, width in enumerate(channels, start=1):
            self.add_module(
                f"conv{i}", nn.Conv2d(before, width, KERNEL, padding=KERNEL // 2, bias=bias)
            )
            before, sides = width, [-(-side // 2) for side in sides]
        features = before * sides[0] * sides[1]
        for i, width in enumerate(hidden, start=1):
            self.add_module(f"fc{i}", nn.Linear(features, width, bias=bias))
            features = width
        self.heads = TaskHeads(features, heads)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.kaiming_uniform_(parameter, nonlinearity="relu")

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Images (n, channels, h, w) to features (n, the last of ``hidden``)."""
        for i in (1, 2):
            x = F.local_response_norm(torch.relu(self.get_submodule(f"conv{i}")(x)), *RESPONSE_NORM)
            x = F.dropout(x, self.dropout[0], self.training)
            x = F.max_pool2d(x, 3, stride=2, padding=1)
        x = x.flatten(1)
        for i in (1, 2):
            x = torch.relu(self.get_submodule(f"fc{i}")(x))
            x = F.dropout(x, self.dropout[1], self.training)
        return x


def lenet(
    *,
    channels: Sequence[int] = (20, 50),
    hidden: Sequence[int] = (800, 500),
    dropout: Sequence[float] = (0.0, 0.0),
    bias: bool = False,
    heads: Sequence[int],
    input_shape: Sequence[int],
) -> LeNet:
    """The LeNet of GPM's superclass experiment, which SGP and TRGP share.

    As in the code of GPM (sahagobinda/GPM, main_cifar_superclass.py): 5 x 5 convolutions padded
    by 2, max-pooling of 3 x 3 with stride 2, no bias anywhere, weights and heads drawn from
    Kaiming's uniform distribution for ReLU. On 32 x 32 RGB images the input dimensions of the
    layers are 75, 500, 3200, 800, and 20 heads of 5 make it 3,036,500 parameters.

    ``channels``, ``hidden``: widths of the two convolutions and of the two linear layers.
    ``dropout``: probability after each convolution and after each linear layer; theirs has none.
    ``bias``: biases in the trunk, which theirs lacks, with PyTorch's initial values. Raises
    `ValueError`, naming the key, for a value that does not fit.
    """
    for key, widths in (("channels", channels), ("hidden", hidden)):
        if len(widths) != 2 or min(widths) < 1:
            raise ValueError(f"backbone_args.{key} = {list(widths)}: give two widths, each above 0")
    if len(dropout) != 2 or not all(0 <= p < 1 for p in dropout):
        raise ValueError(
            f"backbone_args.dropout = {list(dropout)}: give two probabilities, each from 0 up to, "
            f"not including, 1"
        )
    return LeNet(
        heads=heads,
        input_shape=input_shape,
        channels=channels,
        hidden=hidden,
        dropout=dropout,
        bias=bias,
    )
