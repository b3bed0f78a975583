"""Memory Aware Synapses (Aljundi et al.: ECCV 2018, arXiv 1711.09601)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from avalanche.training.plugins import MASPlugin

from baselines.avalanche_plugin import Stock


class MAS(Stock):
    """L + ``lambda_reg`` * sum_i Omega_i (w_i - w*_i)^2, by Avalanche's MASPlugin.

    Omega_i <- ``alpha`` Omega_i + (1 - ``alpha``) mean |d ||f(x)||^2 / d w_i| over the task's
    training data; w* are the weights after the latest task. Defaults are Avalanche's.

    Departures. The paper adds up Omega over tasks; Avalanche, after FACIL, takes the moving
    average above. The gradient is that of a batch's mean, and its magnitude is averaged over
    batches in stored order, not over samples. That pass runs in training mode: BatchNorm
    normalises by the batch there, its running statistics move once more after the task, and
    dropout drops. The default diverges on some small nets: tune ``lambda_reg``. A loss of exactly
    0 stops Avalanche's plugin ("Loss is not available"); here the least positive number is added
    to it.

    Keeps an importance and a value per parameter, whatever the number of tasks; no data.
    """

    resumable: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("params", "importance")

    def __init__(self, *, lambda_reg: float = 1.0, alpha: float = 0.5) -> None:
        if lambda_reg < 0 or not 0 <= alpha <= 1:
            raise ValueError(
                f"lambda_reg = {lambda_reg}, alpha = {alpha}: give lambda_reg >= 0 and alpha "
                f"between 0 and 1"
            )
        super().__init__(MASPlugin(lambda_reg, alpha))

    def before_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if strategy.loss == 0:
            strategy.loss = strategy.loss + torch.finfo(strategy.loss.dtype).tiny
        super().before_backward(strategy, *args, **kwargs)
