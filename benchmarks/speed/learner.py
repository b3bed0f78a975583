"""A run's own strategy, task by task, without the rest of a run: files, evaluation, schedule."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from avalanche.core import SupervisedPlugin
from torch import Tensor

from benchmarks.spec import RunSpec
from benchmarks.speed.unwritten import unwritten
from benchmarks.streams.stream import Stream

Batch = list[Tensor]
"""Images, labels and task labels."""


class Learner:
    """What a run trains with, in the state of any of its tasks."""

    def __init__(self, spec: RunSpec, stream: Stream) -> None:
        loop = unwritten(spec, stream)
        self.strategy, self.plugin, self.model = loop.strategy, loop.plugin, loop.model
        self.stopwatch, self._experiences = loop.stopwatch, loop.benchmark.train_stream
        self._cut = _Cut()
        self.strategy.plugins.append(self._cut)
        self.synchronise = synchroniser(spec.device)
        self.model.to(self.strategy.device)
        if self.synchronise is not None:
            watch = _Synchronised(self.synchronise)
            at, stopwatch = self.strategy.plugins.index(self.stopwatch), self.stopwatch
            # Before both places of the stopwatch, which stand around the method.
            self.strategy.plugins[at : at + 3] = [watch, stopwatch, self.plugin, watch, stopwatch]

    def begin(self, task: int, method: dict[str, Any]) -> None:
        """Bring it to the first step of a task (from 0), the method in the state ``method``."""
        self.plugin.load_state_dict(method)
        self.strategy.clock.train_exp_counter = task
        self._cut.batches = 0
        try:
            self.strategy.train(self._experiences[task], eval_streams=[])
        except _Begun:
            return
        raise RuntimeError("the training of a task ended before it began")

    def step(self, batch: Batch) -> None:
        """A step of training, with the callbacks of the method, as Avalanche makes it."""
        strategy, plugin = self.strategy, self.plugin
        strategy.mbatch = batch
        plugin.before_training_iteration(strategy)
        strategy.optimizer.zero_grad()
        plugin.before_forward(strategy)
        strategy.mb_output = strategy.forward()
        plugin.after_forward(strategy)
        strategy.loss = strategy.criterion()
        plugin.before_backward(strategy)
        strategy.loss.backward()
        plugin.after_backward(strategy)
        plugin.before_update(strategy)
        strategy.optimizer.step()
        plugin.after_update(strategy)
        plugin.after_training_iteration(strategy)

    def epoch(self, batches: Iterable[Batch]) -> None:
        """A step for every batch."""
        for batch in batches:
            self.step(batch)

    def consolidate(self, task: int, *, batches: int) -> float:
        """Train a task on so many batches; the seconds of the method before and after them."""
        self._cut.batches = batches
        self.strategy.clock.train_exp_counter = task
        self.stopwatch.reset()
        self.strategy.train(self._experiences[task], eval_streams=[])
        return self.stopwatch.seconds

    def state(self) -> dict[str, Any]:
        """Model and method between two tasks, as a checkpoint has them."""
        return copy.deepcopy({"model": self.model.state_dict(), "method": self.plugin.state_dict()})

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned, any number of times."""
        state = copy.deepcopy(state)  # moments are added to in place
        self.model.load_state_dict(state["model"])
        self.plugin.load_state_dict(state["method"])


def synchroniser(device: str) -> Callable[[], object] | None:
    """What waits for the device's work; None where there is nothing to wait for."""
    return torch.cuda.synchronize if device == "cuda" else None


class _Begun(Exception):
    """Leaves a task before its first step."""


class _Cut(SupervisedPlugin[Any]):
    """Ends the training of a task after some batches, or leaves it before the first."""

    batches = 0

    def before_training_epoch(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if self.batches == 0:
            raise _Begun
        self._left = self.batches

    def after_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._left -= 1
        if self._left == 0:
            strategy.stop_training()


class _Synchronised(SupervisedPlugin[Any]):
    """Waits for the device, so that a stopwatch after it counts no work from before."""

    def __init__(self, synchronise: Callable[[], object]) -> None:
        super().__init__()
        self.synchronise = synchronise

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.synchronise()

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.synchronise()
