"""Batch normalisation without running statistics, and a variant with statistics of each task."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

BatchNormKind = Literal["batch_stats", "task_stats"]


def batch_norm(dims: Literal[1, 2], channels: int, kind: BatchNormKind, tasks: int) -> _BatchNorm:
    """A norm layer for (n, channels) inputs, or (n, channels, h, w) with ``dims`` = 2.

    ``batch_stats``: the statistics of the batch at hand, in training and in evaluation, as in
    the papers. ``task_stats``: see `TaskNorm`. Raises `ValueError` for another kind.
    """
    if kind not in get_args(BatchNormKind):
        raise ValueError(
            f"backbone_args.bn = {kind!r} is unknown; choose one of "
            f"{', '.join(get_args(BatchNormKind))}"
        )
    if kind == "task_stats":
        return (TaskNorm1d, TaskNorm2d)[dims - 1](channels, tasks)
    return (nn.BatchNorm1d, nn.BatchNorm2d)[dims - 1](channels, track_running_stats=False)


def normalise(norm: nn.Module, x: Tensor, task_labels: Tensor) -> Tensor:
    """Apply a layer of either kind."""
    out: Tensor = norm(x, task_labels) if isinstance(norm, TaskNorm) else norm(x)
    return out


class TaskNorm(_BatchNorm):
    """Batch statistics in training; in evaluation those stored for the sample's own task.

    They are stored by `benchmarks.task_statistics`, when the task has been trained. A batch in
    evaluation with a sample of a task that has none (so of the task in training, or of one
    not seen yet) is normalised by its own statistics. They are no running statistics: training
    never moves them, and later tasks train with those of their batches.
    """

    task_mean: Tensor
    """(tasks, channels)"""
    task_var: Tensor
    """(tasks, channels), biased, as batch normalisation uses it"""
    estimated: Tensor
    """(tasks,) bool"""

    def __init__(self, channels: int, tasks: int) -> None:
        super().__init__(channels, track_running_stats=False)
        self.register_buffer("task_mean", torch.zeros(tasks, channels))
        self.register_buffer("task_var", torch.ones(tasks, channels))
        self.register_buffer("estimated", torch.zeros(tasks, dtype=torch.bool))

    def forward(self, input: Tensor, task_labels: Tensor | None = None) -> Tensor:
        """``task_labels``: (n,); None normalises by the batch."""
        if self.training or task_labels is None or not bool(self.estimated[task_labels].all()):
            return super().forward(input)
        scale = self.weight * (self.task_var + self.eps).rsqrt()
        shift = self.bias - self.task_mean * scale
        per_sample = (len(input), self.num_features, *(1 for _ in input.shape[2:]))
        scale, shift = (part[task_labels].view(per_sample) for part in (scale, shift))
        return torch.addcmul(shift, input, scale)


class TaskNorm1d(TaskNorm, nn.BatchNorm1d):
    """`TaskNorm` of features (n, channels)."""


class TaskNorm2d(TaskNorm, nn.BatchNorm2d):
    """`TaskNorm` of images (n, channels, h, w)."""
