"""Dealing the images of a classification data set to tasks of a few classes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.errors import BadInput
from benchmarks.records import scenario_of
from benchmarks.streams.normalisation import Normaliser
from benchmarks.streams.parts import Draw, ImageSet, Indices, count_classes
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Context, SplitName, Stream, Task

Layout = Callable[[NDArray[Any]], Tensor]
"""Stored images as the samples of a stream: (n, H, W, C) -> (n, C, H, W), contiguous."""


def channels_first(images: NDArray[Any]) -> Tensor:
    """Images (n, H, W, C) as a tensor (n, C, H, W)."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def as_they_are(samples: NDArray[Any]) -> Tensor:
    """Samples that are stored channels first, or without channels."""
    return torch.from_numpy(samples).contiguous()


def make_task(
    images: ImageSet,
    parts: Mapping[SplitName, Indices],
    classes: Sequence[int],
    *,
    stream: str,
    number: int,
    source: int | None = None,
    layout: Layout = channels_first,
) -> Task:
    """Task ``number`` (from 0) of a stream: the images of some classes, in stored order.

    The scenario in the stream's name decides labels and task labels, see `Split`; the images
    are the same in all of them. The tasks before are taken to have as many classes. Images are
    read here, so that only those of the task are.
    """
    scenario = scenario_of(stream)
    first = number * len(classes) if scenario == "cil" else 0
    outputs = np.full(count_classes(images), -1)
    outputs[list(classes)] = range(first, first + len(classes))

    def split(name: SplitName) -> Split:
        x, y = (
            (images.test_x, images.test_y) if name == "test" else (images.train_x, images.train_y)
        )
        targets = outputs[y[parts[name]]]
        own = targets >= 0
        labels = torch.from_numpy(targets[own])
        return Split(
            layout(x[parts[name][own]]),
            labels,
            torch.full_like(labels, number if scenario == "til" else 0),
            None if source is None else torch.full_like(labels, source),
        )

    return Task(tuple(classes), split("train"), split("valid"), split("test"))


def split_classes(
    *,
    name: str,
    context: Context,
    images: ImageSet,
    draw: Draw,
    tasks: int,
    classes_per_task: int,
    normalisation: Normaliser,
    layout: Layout = channels_first,
    class_names: Sequence[str] = (),
) -> Stream:
    """A class-split stream: consecutive classes of the class order, as many in each task.

    In ``dil`` the i-th classes of all tasks are one output. Raises `BadInput` for more classes
    than there are.
    """
    order = context.class_order(count_classes(images))
    for key, value in (("tasks", tasks), ("classes_per_task", classes_per_task)):
        if not 1 <= value <= len(order):
            raise BadInput(f"stream_args.{key} = {value}: give a number from 1 to {len(order)}")
    if tasks * classes_per_task > len(order):
        raise BadInput(
            f"stream_args.tasks = {tasks} with classes_per_task = {classes_per_task} needs "
            f"{tasks * classes_per_task} classes, there are {len(order)} to deal; lower one of them"
        )
    parts = draw.parts(images)
    made = tuple(
        make_task(
            images,
            parts,
            order[t * classes_per_task : (t + 1) * classes_per_task],
            stream=name,
            number=t,
            layout=layout,
        )
        for t in range(tasks)
    )
    return Stream(name, made, normalisation, images.data_hash, class_names=tuple(class_names))
