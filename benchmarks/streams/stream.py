"""A task stream: pre-split uint8 images in memory, and the Avalanche benchmark made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks.data.cache import array_sha256
from benchmarks.records import scenario_of

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")

Sees = Literal["task", "seen", "all"]
"""The tasks whose data a training step gets: its own, all so far, or (one step) all."""


@dataclass(frozen=True)
class Context:
    """What the harness hands a stream beside the arguments of the spec."""

    data_dir: Path | None = None
    """Where data sets lie; None: the cache folder of the user."""
    class_order_seed: int | None = None
    """Seed of a random class order; None: classes in the data set's own order."""

    def class_order(self, n_classes: int) -> list[int]:
        """The order in which classes are dealt to tasks."""
        if self.class_order_seed is None:
            return list(range(n_classes))
        order = np.random.default_rng(self.class_order_seed).permutation(n_classes)
        return [int(label) for label in order]


@dataclass(frozen=True)
class Normalisation:
    """x -> (x / peak - mean) / std, per channel."""

    peak: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise uint8 images (N, C, ...) to float32."""
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        mean = torch.tensor(self.mean, device=x.device).view(shape)
        std = torch.tensor(self.std, device=x.device).view(shape)
        return (x.float() / self.peak - mean) / std


@dataclass(frozen=True)
class Split:
    """Images (N, C, H, W) uint8, labels (N,) int64 and Avalanche's task labels (N,) int64.

    A label is an output of its head: from zero within each task, in ``cil`` the position of
    the class in the class order. The task label is the head: that of the task, in ``cil`` and
    ``dil`` 0 for every task.
    """

    x: Tensor
    y: Tensor
    task: Tensor

    def __len__(self) -> int:
        return len(self.y)

    @property
    def nbytes(self) -> int:
        """Bytes of images and labels."""
        return self.x.nbytes + self.y.nbytes

    def first(self, n: int) -> Split:
        """The first ``n`` samples, without copying them."""
        return Split(self.x[:n], self.y[:n], self.task[:n])

    @classmethod
    def union(cls, splits: Sequence[Split]) -> Split:
        """All samples of several splits, in order, each with its own task label."""
        return cls(*(torch.cat([getattr(s, part) for s in splits]) for part in ("x", "y", "task")))


@dataclass(frozen=True)
class Task:
    """One task: its classes in head order, and its three splits."""

    classes: tuple[int, ...]
    train: Split
    valid: Split
    test: Split


@dataclass(frozen=True)
class Stream:
    """``train``, ``valid`` and ``test`` of every task, with what is needed to trust them.

    ``name`` carries the scenario (``split_digits/til``); ``data_hash`` is that of the data
    set's arrays, `split_hash` that of what each task got.
    """

    name: str
    tasks: tuple[Task, ...]
    normalisation: Normalisation
    data_hash: str

    @property
    def scenario(self) -> str:
        """``til``: the task is known when testing, each task has a head. ``cil``: it is not, one
        head has the classes of all tasks. ``dil``: all tasks share the outputs of one head."""
        return scenario_of(self.name)

    @property
    def heads(self) -> list[int]:
        """Outputs of each head: a head for every task, in ``cil`` and ``dil`` one for all."""
        classes = [len(task.classes) for task in self.tasks]
        if self.scenario == "til":
            return classes
        return [sum(classes) if self.scenario == "cil" else max(classes)]

    def outputs(self, task: int) -> slice:
        """The task's own classes among the outputs of its head."""
        before = self.tasks[:task] if self.scenario == "cil" else ()
        first = sum(len(other.classes) for other in before)
        return slice(first, first + len(self.tasks[task].classes))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.tasks[0].train.x.shape[1:])

    @cached_property
    def split_hash(self) -> str:
        """sha256 over images and labels of all tasks and splits, in order."""
        parts = (
            part
            for task in self.tasks
            for split in (task.train, task.valid, task.test)
            for part in (split.x, split.y)
        )
        return array_sha256(*(part.numpy() for part in parts))

    def describe(self) -> dict[str, Any]:
        """What the run record says of the stream."""
        return {
            "name": self.name,
            "classes": [list(task.classes) for task in self.tasks],
            "samples": [[len(getattr(task, split)) for split in SPLITS] for task in self.tasks],
            "data_hash": self.data_hash,
            "split_hash": self.split_hash,
        }

    def union(self, split: SplitName) -> Split:
        """One split of all tasks together, in their order; made once."""
        if split not in self._unions:
            self._unions[split] = Split.union([getattr(task, split) for task in self.tasks])
        return self._unions[split]

    @cached_property
    def _unions(self) -> dict[SplitName, Split]:
        return {}

    def steps(self, sees: Sees) -> int:
        """Training steps: one a task, or one for all."""
        return 1 if sees == "all" else len(self.tasks)

    def tasks_of(self, step: int, sees: Sees) -> range:
        """The tasks whose data a training step gets."""
        if sees == "task":
            return range(step, step + 1)
        return range(step + 1 if sees == "seen" else len(self.tasks))

    def data(self, split: SplitName, step: int, sees: Sees = "task") -> Split:
        """What a step trains on, is validated on, or (a single task) is tested on.

        Several tasks are a part of `union`, so that growing steps cost no memory.
        """
        tasks = self.tasks_of(step, sees)
        if split == "test" or sees == "task":
            split_of_task: Split = getattr(self.tasks[step], split)
            return split_of_task
        return self.union(split).first(sum(len(getattr(self.tasks[t], split)) for t in tasks))

    def benchmark(self, sees: Sees = "task") -> Any:
        """The stream as an Avalanche benchmark: experiences with task labels and all classes.

        ``sees``: what each train and valid experience holds; test stays a task each.
        """
        from benchmarks.streams.avalanche_stream import benchmark

        return benchmark(self, sees)
