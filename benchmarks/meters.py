"""What is measured of every task: the method's time, what trained, and accuracy."""

from __future__ import annotations

import time
from typing import Any

from avalanche.core import SupervisedPlugin
from torch import Tensor

from benchmarks.backbones import MultiHeadNet
from benchmarks.streams.stream import Stream
from ness.attached import adapted_layers
from ness.task_plugin import TaskPlugin


class Stopwatch(SupervisedPlugin[Any]):
    """Seconds that pass between its two places in the plugin list: those of the method."""

    def __init__(self, method: TaskPlugin) -> None:
        super().__init__()
        self.method = method
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
        # The second time round the method has frozen what it freezes.
        labels = {str(label) for label in set(strategy.experience.task_labels)}
        self.trainable = trainable_parameters(strategy.model, labels, self.method)

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._tick()


def trainable_parameters(model: MultiHeadNet, labels: set[str], method: TaskPlugin) -> int:
    """Numbers that training on tasks ``labels`` can move, with the heads of these tasks alone.

    Of a head that masks unseen classes: the rows of seen classes, or fewer where the method
    lets only some of them move.
    """
    heads = model.heads.classifiers
    idle = {id(p) for key in heads if key not in labels for p in heads[key].parameters()}
    moving: int = sum(
        p.numel() for p in model.parameters() if p.requires_grad and id(p) not in idle
    )
    layers = method.layers(model) if method.ranks else {}
    for name, layer in adapted_layers(layers).items():
        if layer.trained is layer.weight:  # within so many directions of each output's inputs
            moving -= layer.weight.numel() - len(layer.weight) * method.ranks[name]
    moving_rows = model.heads.seen_classes
    if moving_rows is not None and any(p.requires_grad for p in heads["0"].parameters()):
        for rows in method.rows.values():
            moving_rows = moving_rows & (rows.new | rows.known)
        moving -= int((~moving_rows).sum()) * model.heads.in_features
    return moving


class Accuracy(SupervisedPlugin[Any]):
    """Accuracy on one experience: Avalanche's stream metrics mean something else."""

    percent: float
    """Share of samples whose largest logit is that of their class."""
    percent_task_aware: float
    """The same among the logits of the task's own classes."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def before_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        # Counted where the logits are: asking a GPU at every batch would make it wait.
        self._correct: Tensor | int = 0
        self._correct_task_aware: Tensor | int = 0
        self._samples = 0
        self._own = self.stream.outputs(strategy.experience.current_experience)

    def after_eval_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        logits, y = strategy.mb_output, strategy.mb_y
        own = logits[:, self._own].argmax(1) + self._own.start
        self._correct = self._correct + (logits.argmax(1) == y).sum()
        self._correct_task_aware = self._correct_task_aware + (own == y).sum()
        self._samples += len(y)

    def after_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.percent = _percent(int(self._correct), self._samples)
        self.percent_task_aware = _percent(int(self._correct_task_aware), self._samples)


def _percent(correct: int, samples: int) -> float:
    """To six decimals, which still tell counts of millions apart: a record has hundreds of them."""
    return round(100 * correct / samples, 6)
