"""The multi-layer perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.backbones.heads import MultiHeadNet, TaskHeads


class MLP(MultiHeadNet):
    """Linear layers ``fc1``, ``fc2``, ... without biases, each followed by a ReLU."""

    def __init__(self, heads: Sequence[int], input_shape: Sequence[int], hidden: Sequence[int]):
        super().__init__()
        widths = [math.prod(input_shape), *hidden]
        self.depth = len(hidden)
        for i in range(self.depth):
            self.add_module(f"fc{i + 1}", nn.Linear(widths[i], widths[i + 1], bias=False))
        self.heads = TaskHeads(widths[-1], heads)

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        x = x.flatten(1)
        for i in range(self.depth):
            x = torch.relu(self.get_submodule(f"fc{i + 1}")(x))
        return x


def mlp(
    *,
    hidden: Sequence[int] = (256, 256),
    heads: Sequence[int],
    input_shape: Sequence[int],
) -> MLP:
    """A multi-layer perceptron without biases; ``hidden`` are its layer widths."""
    if not hidden or min(hidden) < 1:
        raise ValueError(f"backbone_args.hidden = {hidden}: give at least one width, each above 0")
    return MLP(heads, input_shape, hidden)
