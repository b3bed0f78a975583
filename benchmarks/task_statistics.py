"""Estimating the statistics that `benchmarks.backbones.norms.TaskNorm` uses in evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from avalanche.core import SupervisedPlugin
from avalanche.models import avalanche_forward
from torch import Tensor, nn

from benchmarks.backbones.norms import TaskNorm
from benchmarks.loading import TensorBatches
from ness.moments import eval_mode


class TaskStatistics(SupervisedPlugin[Any]):
    """After each task: mean and variance of every norm layer's inputs on its training split.

    Layer after layer, each in a pass of its own over the whole split, in eval mode: a layer
    sees the inputs that it will get in evaluation, from layers that already use their own
    statistics. (One pass for all layers would pool moments of inputs that are normalised batch
    by batch: statistics of another net, and dependent on the batches.) So every layer's
    output on the training split is exactly standardised, whatever the batches.

    Costs a forward pass over the split, up to the layer, for each such layer, and nothing for a
    net without them. Draws no random numbers. A step that sees several tasks: each in turn.

    Stands after the protocol, which restores the best weights, and before the method, which
    measures what it protects. Statistics of earlier tasks stay as they were, though later
    tasks change the weights below them.
    """

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        stream, model = strategy.stream, strategy.model
        current = strategy.experience.current_experience
        for task in stream.tasks_of(current, strategy.sees):
            batches = TensorBatches(
                stream.data("train", task),
                stream.normalisation,
                strategy.eval_mb_size,
                seed=0,
                reshuffle=False,
                device=strategy.device,
            )
            estimate(model, task, batches)


@torch.no_grad()
def estimate(model: nn.Module, task: int, batches: TensorBatches) -> None:
    """Store a task's statistics in every `TaskNorm` of a model, in the order of its modules.

    ``batches``: (x, y, task labels) of that task alone. A layer has to be registered after
    those that it takes its inputs from. Training modes are left as they were.
    """
    layers = [module for module in model.modules() if isinstance(module, TaskNorm)]
    with eval_mode(model):
        for layer in layers:
            with _pooling(layer) as pooled:
                for x, _, task_labels in batches:
                    with suppress(_Reached):
                        avalanche_forward(model, x, task_labels)
            mean, var = pooled.moments()
            layer.task_mean[task], layer.task_var[task] = mean, var
            layer.estimated[task] = True


class _Pooled:
    """Mean and biased variance of each channel over all batches, pooled in float64."""

    def __init__(self, layer: TaskNorm) -> None:
        self.n = 0
        self.sum = layer.task_mean.new_zeros(layer.num_features, dtype=torch.float64)
        self.sum_of_squares = self.sum.clone()

    def add(self, x: Tensor) -> None:
        """Add inputs (n, channels, ...)."""
        n = x.numel() // x.shape[1]
        var, mean = torch.var_mean(x, [0, *range(2, x.dim())], correction=0)
        mean = mean.double()
        self.n += n
        self.sum += n * mean
        self.sum_of_squares += n * (var.double() + mean.square())

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance, (channels,) each."""
        mean = self.sum / self.n
        return mean, (self.sum_of_squares / self.n - mean.square()).clamp(min=0)


class _Reached(Exception):
    """Ends a forward pass at the layer in question: what comes after it is not needed."""


@contextmanager
def _pooling(layer: TaskNorm) -> Iterator[_Pooled]:
    pooled = _Pooled(layer)

    def take(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        pooled.add(inputs[0])
        raise _Reached

    handle = layer.register_forward_pre_hook(take)
    try:
        yield pooled
    finally:
        handle.remove()
