"""A-GEM (Chaudhry, Ranzato, Rohrbach, Elhoseiny: ICLR 2019, arXiv 1812.00420)."""

from __future__ import annotations

from typing import Any

from avalanche.training.plugins import AGEMPlugin

from baselines.avalanche_plugin import Stock


class _Memory(AGEMPlugin):
    """Avalanche's, but for samples of one, for which BatchNorm raises an error."""

    def sample_from_memory(self) -> Any:
        sample = super().sample_from_memory()
        return sample if len(sample[0]) > 1 else super().sample_from_memory()


class AGEM(Stock):
    """g <- g - (g . r / r . r) r where g . r < 0, r the gradient on kept samples: AGEMPlugin.

    r is taken anew each iteration on ``sample_size`` samples of the memory, which gets
    ``patterns_per_experience`` random samples of each task. Defaults are those of Avalanche's
    continual-learning-baselines for split CIFAR-100, which are the paper's.

    Departures. The sample has equally many of every task, ``sample_size`` / tasks rounded down, or
    what a pass over the memory leaves: no more than it holds, and fewer at the end of each pass. A
    sample of one is drawn again. The optimiser sees the projected gradient:
    momentum and weight decay act after the projection. Gradients of heads without samples in the
    batch stay as they are.

    Keeps ``patterns_per_experience`` samples of old data a task: grows with the tasks. Not
    resumable.
    """

    keeps_data: bool = True

    def __init__(self, *, patterns_per_experience: int = 65, sample_size: int = 1300) -> None:
        if patterns_per_experience < 1 or sample_size < 1:
            raise ValueError(
                f"patterns_per_experience = {patterns_per_experience}, sample_size = "
                f"{sample_size}: both must be at least 1"
            )
        super().__init__(_Memory(patterns_per_experience, sample_size))

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if len(self.inner.buffers) >= self.inner.sample_size:
            raise ValueError(
                f"sample_size = {self.inner.sample_size} is below the number of tasks: the sample "
                f"has one of each at least; give more"
            )
        super().after_training_exp(strategy, *args, **kwargs)
