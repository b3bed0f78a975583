"""What becomes of old tasks while a later one is trained, as an Avalanche plugin."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from avalanche.core import SupervisedPlugin

from benchmarks.record_parts import Percent

Evaluate = Callable[[range], list[Percent]]
"""Accuracy on each of some tasks, as the run itself is evaluated; leaves the generators as they
were."""


class OldTasks(SupervisedPlugin[Any]):
    """The lowest accuracy on each earlier task at the end of any epoch of the task in training.

    Each epoch's evaluation is a whole one through the strategy, with the method's own callbacks:
    TRGP tests every task with weights of its own. Avalanche gives the training modes back. It
    stands after the method, so that it sees what an epoch ends with. No other number of the run
    depends on it: the weights that a task ends with are chosen by validation loss, before.
    """

    def __init__(self, evaluate: Evaluate) -> None:
        super().__init__()
        self.evaluate = evaluate
        self.begin(earlier=0)

    def begin(self, *, earlier: int) -> None:
        """Start a task that has so many earlier ones: tasks 0 to ``earlier`` - 1."""
        self.earlier = earlier
        self.lowest: list[Percent] = [100.0] * earlier
        self.seconds = 0.0
        """What the evaluations of the task took."""

    def after_training_epoch(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if not self.earlier:
            return
        started = time.perf_counter()
        now = self.evaluate(range(self.earlier))
        self.lowest = [min(pair) for pair in zip(self.lowest, now, strict=True)]
        self.seconds += time.perf_counter() - started
