"""A task stream: pre-split images in memory, and the Avalanche benchmark made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.data.cache import array_sha256
from benchmarks.errors import BadInput
from benchmarks.records import scenario_of
from benchmarks.streams.normalisation import Normaliser
from benchmarks.streams.split import Split

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")

Sees = Literal["task", "seen", "all"]
"""The tasks whose data a training step gets: its own, all so far, or (one step) all."""


MOST_NAMES = 20
"""Names that a record lists: those of a hundred classes are half its size, and no news."""


@dataclass(frozen=True)
class Context:
    """What the harness hands a stream beside the arguments of the spec."""

    data_dir: Path | None = None
    """Where data sets lie; None: the cache folder of the user."""
    class_order_seed: int | None = None
    """Seed of a random class order; None: classes in the data set's own order."""
    class_order_list: tuple[int, ...] | None = None
    """An order in so many words, in place of a random one; it may leave classes out."""

    def class_order(self, n_classes: int) -> list[int]:
        """The order in which classes are dealt to tasks; `BadInput` for one that is none.

        A random one is ``RandomState(seed).permutation``, which NumPy keeps as it is for ever, and
        which gives the authors' order of miniImageNet (protocol.md section 2).
        """
        if self.class_order_list is not None:
            return self._listed(n_classes, self.class_order_list)
        if self.class_order_seed is None:
            return list(range(n_classes))
        if self.class_order_seed >= 2**32:
            raise BadInput(
                f"seed = {self.class_order_seed} for a class order: NumPy takes seeds below "
                f"2**32; give a smaller one, or set class_order = 'fixed'"
            )
        order = np.random.RandomState(self.class_order_seed).permutation(n_classes)
        return [int(label) for label in order]

    def refuse_class_order(self, stream: str, reason: str) -> None:
        """Raise `BadInput` if there is a class order: ``reason`` says why there can't be."""
        if self.class_order_seed is not None or self.class_order_list is not None:
            order = "per_seed" if self.class_order_list is None else list(self.class_order_list)
            raise BadInput(
                f"class_order = {order!r} has no meaning for {stream}: {reason}; set "
                f"class_order = 'fixed'"
            )

    @staticmethod
    def _listed(n_classes: int, order: tuple[int, ...]) -> list[int]:
        if not order:
            raise BadInput("class_order = []: lists no class; list some, or set it to 'fixed'")
        for position, label in enumerate(order):
            if not 0 <= label < n_classes:
                fault = f"there is no class {label}"
            elif label in order[:position]:
                fault = f"class {label} comes twice"
            else:
                continue
            raise BadInput(
                f"class_order = {list(order)}: {fault}; list classes from 0 to {n_classes - 1}, "
                f"each once at most"
            )
        return list(order)


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
    set's arrays, `split_hash` that of what each task got. ``class_names`` are indexed by the
    classes of a task, ``members`` are the data sets of a stream that has one a task; both empty
    where there is nothing to say.
    """

    name: str
    tasks: tuple[Task, ...]
    normalisation: Normaliser
    data_hash: str
    members: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()

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
        """sha256 over images, labels and sources of all tasks and splits, in order."""
        parts = (
            part
            for task in self.tasks
            for split in (task.train, task.valid, task.test)
            for part in (split.x, split.y, split.source)
            if part is not None
        )
        return array_sha256(*(part.numpy() for part in parts))

    def describe(self) -> dict[str, Any]:
        """What the run record says of the stream; names where they are few."""
        named = {"members": list(self.members), "class_names": list(self.class_names)}
        return {
            "name": self.name,
            "classes": [list(task.classes) for task in self.tasks],
            "samples": [[len(getattr(task, split)) for split in SPLITS] for task in self.tasks],
            "data_hash": self.data_hash,
            "split_hash": self.split_hash,
            **{key: names for key, names in named.items() if 0 < len(names) <= MOST_NAMES},
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
        return self.union(split)[: sum(len(getattr(self.tasks[t], split)) for t in tasks)]

    def evaluated_on(self, split: SplitName) -> Stream:
        """The stream with ``split`` of each task in the place of its test images.

        Whoever is given it cannot read a test image, whatever it asks for; batches of evaluation
        are drawn from ``split`` as they are from the test images. It describes other data: what a
        run stores of its stream comes from the stream itself.
        """
        if split == "test":
            return self
        tasks = (replace(task, test=getattr(task, split)) for task in self.tasks)
        return replace(self, tasks=tuple(tasks))

    def benchmark(self, sees: Sees = "task") -> Any:
        """The stream as an Avalanche benchmark: experiences with task labels and all classes.

        ``sees``: what each train and valid experience holds; test stays a task each.
        """
        from benchmarks.streams.avalanche_stream import benchmark

        return benchmark(self, sees)
