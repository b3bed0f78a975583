"""Training without any protection: what forgets, and what could have been reached."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ness.task_plugin import TaskPlugin


class Naive(TaskPlugin):
    """Fine-tuning: every task trains the whole model from where the last one left it.

    Keeps nothing between tasks.
    """

    def __init__(self) -> None:
        super().__init__()

    def check_model(self, model: nn.Module, *, task_incremental: bool) -> None:
        """Any model will do."""


class Joint(Naive):
    """Training on all tasks together, once: the upper bound of a continual learner.

    Batches mix all tasks' samples in one random order, each through its own head. The
    accuracy matrix has a last row alone. Keeps all data.
    """

    joint: ClassVar[bool] = True
