"""Streams of CIFAR images, as this literature splits them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from benchmarks import data
from benchmarks.errors import BadInput
from benchmarks.streams import stream
from benchmarks.streams.class_splits import split_classes
from benchmarks.streams.stream import Context, Normalisation, Split, Stream, Task

CLASSES, TRAIN_PER_CLASS, TEST_PER_CLASS = 100, 500, 100

NORMALISATION = Normalisation(
    peak=255.0,
    mean=(125.3 / 255, 123.0 / 255, 113.9 / 255),
    std=(63.0 / 255, 62.1 / 255, 66.7 / 255),
)
"""protocol.md section 2, from the authors' dataloader."""


@stream("til", "cil", "dil")
def split_cifar100(
    *,
    tasks: int = 10,
    classes_per_task: int = 10,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: float = 0.05,
    split_seed: Annotated[int, Field(ge=0)] = 0,
    name: str,
    context: Context,
) -> Stream:
    """Split CIFAR-100: tasks of consecutive classes, 0 to 99 in order.

    In ``dil`` the i-th classes of all tasks are one output: they have nothing in common.

    ``train_per_class``, ``test_per_class``: so many images of each class, drawn at random with
    ``split_seed`` (the stored order is not random: some files are sorted by sub-type); all 500
    and 100 if left out. ``valid_share`` of the training images of each class is held
    out for validation with ``split_seed``, alike for every seed of a sweep and whatever the
    number of tasks. Raises `BadInput` for a value that does not fit and for missing data.
    """
    _require("tasks", tasks, 1, CLASSES)
    _require("classes_per_task", classes_per_task, 1, CLASSES)
    if tasks * classes_per_task > CLASSES:
        raise BadInput(
            f"stream_args.tasks = {tasks} with classes_per_task = {classes_per_task} needs "
            f"{tasks * classes_per_task} classes, CIFAR-100 has {CLASSES}; lower one of them"
        )
    n_train = _per_class("train_per_class", train_per_class, TRAIN_PER_CLASS)
    n_test = _per_class("test_per_class", test_per_class, TEST_PER_CLASS)
    if not 1 <= round(valid_share * n_train) < n_train:
        raise BadInput(
            f"stream_args.valid_share = {valid_share} of {n_train} training images a class leaves "
            f"no image for validation or none for training; give a share between {1 / n_train:.3g} "
            f"and {1 - 1 / n_train:.3g}"
        )
    arrays = data.cifar100(context.data_dir)
    # Indices are dealt to tasks instead of images, so that only the images used are read.
    dealt = split_classes(
        name=name,
        train=_some_of_each_class(arrays.train_y, n_train, split_seed),
        test=_some_of_each_class(arrays.test_y, n_test, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        valid_share=valid_share,
        split_seed=split_seed,
        context=context,
        normalisation=NORMALISATION,
        data_hash=arrays.data_hash,
    )
    return replace(
        dealt,
        tasks=tuple(_with_images(task, arrays.train_x, arrays.test_x) for task in dealt.tasks),
    )


def _require(key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(f"stream_args.{key} = {value}: give a number from {least} to {most}")


def _per_class(key: str, value: int | None, most: int) -> int:
    if value is None:
        return most
    if not 1 <= value <= most:
        raise BadInput(
            f"stream_args.{key} = {value}: CIFAR-100 has {most} a class; give 1 to {most}, or "
            f"leave it out for all"
        )
    return value


def _some_of_each_class(
    labels: NDArray[np.int64], n: int, split_seed: int
) -> tuple[Tensor, Tensor]:
    """Indices of ``n`` random samples of every class, sorted, and their labels."""
    by_class = np.argsort(labels, kind="stable").reshape(CLASSES, -1)
    shuffled = np.random.default_rng(split_seed).permuted(by_class, axis=1)
    chosen = np.sort(shuffled[:, :n], axis=None)
    return torch.from_numpy(chosen), torch.from_numpy(labels[chosen])


def _with_images(task: Task, train_x: NDArray[Any], test_x: NDArray[Any]) -> Task:
    """A task whose splits hold indices, with the images (n, 3, 32, 32) in their place."""

    def fetch(split: Split, images: NDArray[Any]) -> Split:
        x = torch.from_numpy(images[split.x.numpy()]).permute(0, 3, 1, 2).contiguous()
        return replace(split, x=x)

    return replace(
        task,
        train=fetch(task.train, train_x),
        valid=fetch(task.valid, train_x),
        test=fetch(task.test, test_x),
    )
