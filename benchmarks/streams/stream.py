"""A task stream: pre-split uint8 images in memory, and the Avalanche benchmark made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.data.cache import array_sha256
from benchmarks.errors import BadInput

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")


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
    """Images (N, C, H, W) uint8, labels (N,) int64 from zero within each task, tasks (N,)."""

    x: Tensor
    y: Tensor
    task: Tensor

    def __len__(self) -> int:
        return len(self.y)

    @classmethod
    def union(cls, splits: Sequence[Split]) -> Split:
        """All samples of several splits, each with its own task label."""
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
        """``til``: the task is known when testing, each task has a head."""
        return self.name.rpartition("/")[2]

    @property
    def heads(self) -> list[int]:
        """Classes of each task."""
        return [len(task.classes) for task in self.tasks]

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
        """One split of all tasks together."""
        return Split.union([getattr(task, split) for task in self.tasks])

    def benchmark(self, *, joint: bool = False) -> Any:
        """The stream as an Avalanche benchmark: experiences with task labels and all classes.

        ``joint``: one train and one valid experience that hold all tasks; test stays per task.

        Splits are made before Avalanche sees them, because its own splitting drops task
        labels and takes the last samples for validation (docs: avalanche-0.6, pitfalls 7, 8).
        """
        from avalanche.benchmarks import dataset_benchmark

        splits = {
            name: [self.union(name)]
            if joint and name != "test"
            else [getattr(task, name) for task in self.tasks]
            for name in SPLITS
        }
        datasets = {
            name: [NormalisedDataset(split, self.normalisation) for split in members]
            for name, members in splits.items()
        }
        return dataset_benchmark(
            datasets["train"],
            datasets["test"],
            other_streams_datasets={"valid": datasets["valid"]},
        )


class NormalisedDataset(Dataset[tuple[Tensor, int]]):
    """A split as a map-style data set of normalised (x, y), for loaders that are not ours."""

    def __init__(self, split: Split, normalisation: Normalisation) -> None:
        self.split, self.normalisation = split, normalisation
        self.targets = split.y.tolist()
        self.targets_task_labels = split.task.tolist()

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.normalisation(self.split.x[index : index + 1])[0], self.targets[index]


def split_by_class(
    x: Tensor, y: Tensor, groups: Sequence[Sequence[int]], task_labels: Iterable[int]
) -> Iterator[Split]:
    """Deal samples to tasks: those of ``groups[t]``, relabelled from zero, in stored order."""
    for classes, label in zip(groups, task_labels, strict=True):
        members = torch.isin(y, torch.tensor(list(classes))).nonzero()[:, 0]
        relabel = {c: i for i, c in enumerate(classes)}
        targets = torch.tensor([relabel[int(c)] for c in y[members]], dtype=torch.int64)
        yield Split(x[members], targets, torch.full_like(targets, label))


def hold_out(y: Tensor, share: float, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Indices kept and indices held out: ``share`` of every class, at random, sorted.

    Raises `BadInput` for a share that leaves a class without samples on one side.
    """
    held = []
    for label in y.unique():
        members = (y == label).nonzero()[:, 0].numpy()
        count = round(share * len(members))
        if not 0 < count < len(members):
            raise BadInput(
                f"stream_args: holding out a share of {share} takes {count} of the "
                f"{len(members)} samples of class {int(label)}; choose another share"
            )
        held.append(generator.permutation(members)[:count])
    out = torch.from_numpy(np.sort(np.concatenate(held)))
    mask = torch.ones(len(y), dtype=torch.bool)
    mask[out] = False
    return mask.nonzero()[:, 0], out


def split_classes(
    *,
    name: str,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    tasks: int,
    classes_per_task: int,
    valid_share: float,
    split_seed: int,
    context: Context,
    normalisation: Normalisation,
    data_hash: str,
) -> Stream:
    """A class-split stream: consecutive classes of the class order, a part of train for valid."""
    n_classes = int(train[1].max()) + 1
    order = context.class_order(n_classes)[: tasks * classes_per_task]
    groups = [order[t * classes_per_task : (t + 1) * classes_per_task] for t in range(tasks)]
    generator = np.random.default_rng(split_seed)
    kept, held = hold_out(train[1], valid_share, generator)
    parts = {
        "train": (train[0][kept], train[1][kept]),
        "valid": (train[0][held], train[1][held]),
        "test": test,
    }
    dealt = {key: list(split_by_class(x, y, groups, range(tasks))) for key, (x, y) in parts.items()}
    made = tuple(
        Task(tuple(groups[t]), dealt["train"][t], dealt["valid"][t], dealt["test"][t])
        for t in range(tasks)
    )
    return Stream(name, made, normalisation, data_hash)
