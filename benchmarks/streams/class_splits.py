"""Dealing the samples of a classification data set to tasks of a few classes each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.errors import BadInput
from benchmarks.records import scenario_of
from benchmarks.streams.stream import Context, Normalisation, Split, Stream, Task


def split_by_class(
    x: Tensor,
    y: Tensor,
    groups: Sequence[Sequence[int]],
    task_labels: Iterable[int],
    first_labels: Iterable[int],
) -> Iterator[Split]:
    """Deal samples to tasks: those of ``groups[t]``, in stored order.

    Their classes are relabelled ``first_labels[t]``, ... in the order of the group.
    """
    for classes, label, first in zip(groups, task_labels, first_labels, strict=True):
        members = torch.isin(y, torch.tensor(list(classes))).nonzero()[:, 0]
        relabel = {c: i for i, c in enumerate(classes, start=first)}
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
    """A class-split stream: consecutive classes of the class order, a part of train for valid.

    The scenario in ``name`` decides labels and task labels, see `Split`; the samples of a task
    are the same in all of them.
    """
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
    scenario = scenario_of(name)
    task_labels = range(tasks) if scenario == "til" else [0] * tasks
    first_labels = [t * classes_per_task if scenario == "cil" else 0 for t in range(tasks)]
    dealt = {
        key: list(split_by_class(x, y, groups, task_labels, first_labels))
        for key, (x, y) in parts.items()
    }
    made = tuple(
        Task(tuple(groups[t]), dealt["train"][t], dealt["valid"][t], dealt["test"][t])
        for t in range(tasks)
    )
    return Stream(name, made, normalisation, data_hash)
