"""What is measured of every task: the method's time, what trained, and accuracy."""

from __future__ import annotations

import time
from typing import Any

from avalanche.core import SupervisedPlugin


class Stopwatch(SupervisedPlugin[Any]):
    """Seconds that pass between its two places in the plugin list: those of the method."""

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Start a task."""
        self.seconds, self.trainable = 0.0, 0
        self._since: float | None = None

    def _tick(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._since
            self._since = None

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._tick()
        # The second time round the method has frozen what it freezes. Heads of tasks that the
        # step does not see get no gradient.
        experience = strategy.experience
        labels = {str(label) for label in set(experience.task_labels)}
        heads = strategy.model.heads.classifiers
        idle = {id(p) for key in heads if key not in labels for p in heads[key].parameters()}
        self.trainable = sum(
            p.numel() for p in strategy.model.parameters() if p.requires_grad and id(p) not in idle
        )

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._tick()


class Accuracy(SupervisedPlugin[Any]):
    """Test accuracy of one experience: Avalanche's stream metrics mean something else."""

    percent: float

    def before_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._correct, self._samples = 0, 0

    def after_eval_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._correct += int((strategy.mb_output.argmax(1) == strategy.mb_y).sum())
        self._samples += len(strategy.mb_y)

    def after_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.percent = 100 * self._correct / self._samples
