"""One training epoch twice: as the harness runs it through Avalanche, and in a bare PyTorch loop.

Both train the same net on the same batches and end with the same weights, bit for bit: give a spec
in float32 and not compiled. What is timed is an epoch's batches and steps. Neither side validates,
adapts its net or builds its optimiser within the time; both draw the order of their samples in it.

Usage, for a ratio that other load on the machine does not shift::

    sides = {"bare": BareLoop(spec, stream).step, "harness": HarnessLoop(spec, stream).step}
    times = rounds(sides, budget_s=30)  # of benchmarks.speed.paired
    print(ratio(times["harness"], times["bare"]))
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from benchmarks.backbones import MultiHeadNet
from benchmarks.build import build_model, build_optimizer
from benchmarks.seeds import derive, seed_all
from benchmarks.spec import RunSpec
from benchmarks.speed.unwritten import unwritten
from benchmarks.streams.stream import Stream
from ness.moments import batch_slices


class TimedLoop(ABC):
    """Trains a net on the first task of a stream, an epoch of ``spec`` at every `step`.

    Every epoch is the task's first: its order of samples, a fresh optimiser, and the weights that
    the epoch before left.
    """

    def __init__(self, spec: RunSpec, stream: Stream) -> None:
        one_epoch = spec.protocol.model_copy(update={"epochs": 1})
        self.spec, self.stream = spec.model_copy(update={"protocol": one_epoch}), stream
        self.setup()

    @abstractmethod
    def setup(self) -> None:
        """Start again from the spec's initial weights."""

    @abstractmethod
    def step(self) -> float:
        """Train an epoch; its seconds."""

    @property
    @abstractmethod
    def model(self) -> MultiHeadNet:
        """The net in training."""

    def _seconds(self, epoch: Callable[[], None]) -> float:
        cuda = self.spec.device == "cuda"
        if cuda:
            torch.cuda.synchronize()
        started = time.perf_counter()
        epoch()
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - started


class HarnessLoop(TimedLoop):
    """The strategy of a run with all its plugins, the method of the spec among them."""

    def setup(self) -> None:
        loop = unwritten(self.spec, self.stream)
        self.strategy, self.experience = loop.strategy, loop.benchmark.train_stream[0]
        self._training_epoch = self.strategy.training_epoch
        self.strategy.training_epoch = self._timed

    def _timed(self, **kwargs: Any) -> None:
        self._epoch_s = self._seconds(lambda: self._training_epoch(**kwargs))

    def step(self) -> float:
        self.strategy.train(self.experience, eval_streams=[])
        return self._epoch_s

    @property
    def model(self) -> MultiHeadNet:
        model: MultiHeadNet = self.strategy.model
        return model


class BareLoop(TimedLoop):
    """What one would write for a single task: the split as normalised floats, sliced by batches."""

    def setup(self) -> None:
        spec, split = self.spec, self.stream.data("train", 0).to(torch.device(self.spec.device))
        self.net: MultiHeadNet = build_model(spec, self.stream).to(spec.device)
        self.x, self.y = self.stream.normalisation(split.x, split.source), split.y
        self.task_labels = split.task
        self.slices = batch_slices(len(split), spec.protocol.batch_size)

    def step(self) -> float:
        optimizer = build_optimizer(self.spec.optimizer, self.net)
        generator = torch.Generator().manual_seed(derive(self.spec.data_seed, "batches", 0))
        seed_all(self.spec.data_seed, "epoch", 0, 0)
        self.net.train()
        return self._seconds(lambda: self._epoch(optimizer, generator))

    def _epoch(self, optimizer: torch.optim.Optimizer, generator: torch.Generator) -> None:
        head = self.net.heads.classifiers["0"]
        order = torch.randperm(len(self.y), generator=generator).to(self.y.device)
        for part in self.slices:
            chosen = order[part]
            x, y = self.x.index_select(0, chosen), self.y.index_select(0, chosen)
            optimizer.zero_grad()
            features = self.net.features(x, self.task_labels[: len(y)])
            loss = F.cross_entropy(head(features), y)
            loss.backward()
            optimizer.step()

    @property
    def model(self) -> MultiHeadNet:
        return self.net
