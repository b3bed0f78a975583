"""Streams of the wanted sizes, run through the harness task by task, every method in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from benchmarks.speed.learner import Learner
from benchmarks.speed.nets import BATCH_SIZE, UNTIMED_SAMPLES, epoch_spec
from benchmarks.speed.scale_file import Point
from benchmarks.speed.scale_sizes import INPUTS, METHODS, MOST_S, Axis, AxisName, Size
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Stream, Task

OWN_DIRECTIONS = 4
"""That the inputs of each task lie in: 50 tasks leave some of `INPUTS` free, as images do."""
WARM_UP = Size(tasks=3, width=16, samples=64)
ARGUMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "naive": ("naive", {}),
    "ness": ("ness", {}),
    "recompute": ("ness", {"moments": "recompute"}),
    "gpm": ("gpm", {}),
}


class Taken(NamedTuple):
    """Seconds of one task, and the bytes kept after it."""

    step_s: float
    consolidate_s: float
    task_s: float
    state_bytes: int
    ranks: dict[str, int]


class TimedTasks:
    """A method on a stream: `train` its tasks in their order."""

    def __init__(self, method: str, size: Size, stream: Stream, device: str) -> None:
        strategy, arguments = ARGUMENTS[method]
        net = {"hidden": [size.width, size.width]}
        self.learner = Learner(epoch_spec("mlp", net, strategy, arguments, device), stream)
        self.steps = -(-size.samples // BATCH_SIZE)
        trained = self.learner.strategy
        self._epoch, trained.training_epoch = trained.training_epoch, self._timed

    def train(self, task: int) -> Taken:
        """Train a task (from 0) for an epoch."""
        plugin, started = self.learner.plugin, self._now()
        # More steps than there are: none is left out.
        between = self.learner.consolidate(task, batches=self.steps + 1)
        whole = self._now() - started
        ranks = dict(plugin.ranks)
        return Taken(self._epoch_s / self.steps, between, whole, plugin.state_bytes(), ranks)

    def _timed(self, **kwargs: Any) -> None:
        started = self._now()
        self._epoch(**kwargs)
        self._epoch_s = self._now() - started

    def _now(self) -> float:
        if self.learner.synchronise is not None:
            self.learner.synchronise()
        return time.perf_counter()


def measure(name: AxisName, axis: Axis, device: str) -> Iterator[list[Point]]:
    """The points of an axis: after every repetition of a stream, those of the stream so far.

    Every task is trained by each method in turn, in an order that rotates.
    """
    # Whatever a process does for the first time takes longer.
    _repetition(WARM_UP, synthetic_stream(WARM_UP), device)
    for size in axis.sizes:
        stream, started = synthetic_stream(size), time.perf_counter()
        found: dict[str, list[list[Taken]]] = {method: [] for method in METHODS}
        for _ in range(axis.repeats):
            for method, tasks in _repetition(size, stream, device).items():
                found[method].append(tasks)
            numbers = range(size.tasks) if name == "tasks" else [size.tasks - 1]
            yield [
                _point(name, method, task + 1 if name == "tasks" else getattr(size, name), taken)
                for method in METHODS
                for task in numbers
                for taken in [[tasks[task] for tasks in found[method]]]
            ]
            if time.perf_counter() - started > MOST_S:
                break


def _repetition(size: Size, stream: Stream, device: str) -> dict[str, list[Taken]]:
    methods = list(METHODS)
    timed = {method: TimedTasks(method, size, stream, device) for method in methods}
    found: dict[str, list[Taken]] = {method: [] for method in methods}
    for task in range(size.tasks):
        first = task % len(methods)
        for method in methods[first:] + methods[:first]:
            found[method].append(timed[method].train(task))
    return found


def _point(axis: AxisName, method: str, x: int, taken: list[Taken]) -> Point:
    return Point(
        axis=axis,
        method=method,
        x=x,
        step_s=[_short(each.step_s) for each in taken],
        consolidate_s=[_short(each.consolidate_s) for each in taken],
        task_s=[_short(each.task_s) for each in taken],
        state_bytes=taken[-1].state_bytes,
        ranks=taken[-1].ranks,
    )


def synthetic_stream(size: Size) -> Stream:
    """Tasks of two classes, the inputs of each in a few random directions of its own."""
    generator = torch.Generator().manual_seed(0)
    tasks = []
    for number in range(size.tasks):
        directions = torch.randn(OWN_DIRECTIONS, INPUTS, generator=generator)
        z = torch.randn(size.samples, OWN_DIRECTIONS, generator=generator)
        y = (z[:, 0] > 0).long()
        train = Split(z @ directions, y, torch.full_like(y, number))
        rest = train[:UNTIMED_SAMPLES]
        tasks.append(Task((2 * number, 2 * number + 1), train, rest, rest))
    return Stream("synthetic/til", tuple(tasks), Normalisation(peak=1.0), data_hash="synthetic")


def _short(seconds: float) -> float:
    return float(f"{seconds:.4g}")
