"""MNIST anew in every task: with its pixels permuted, or turned."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from benchmarks import data
from benchmarks.errors import BadInput
from benchmarks.streams import stream
from benchmarks.streams.class_names import DIGIT_NAMES
from benchmarks.streams.class_splits import Layout, channels_first, make_task
from benchmarks.streams.mnist import MNIST_NORMALISATION
from benchmarks.streams.parts import Count, Draw, Share, SplitSeed, count_classes
from benchmarks.streams.rotation import rotated
from benchmarks.streams.stream import Context, Stream

PIXELS = 28 * 28


@stream("til", "dil")
def permuted_mnist(
    *,
    tasks: Count = 10,
    permutation_seed: Annotated[int, Field(ge=0, lt=2**32)] = 0,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """Permuted MNIST: all ten digits in every task, their pixels in another order in each.

    Task 1 has the images as they are; the orders of the others are drawn one after another from
    ``RandomState(permutation_seed)``, so that fewer tasks are a prefix. All tasks have the
    same images, and hold the same ones out. For the other arguments see `Draw`. Raises
    `BadInput` for a class order, for a value that does not fit and for missing data.
    """
    generator = np.random.RandomState(permutation_seed)
    orders = [np.arange(PIXELS), *(generator.permutation(PIXELS) for _ in range(1, tasks))]
    layouts = [partial(permuted, order=torch.from_numpy(order)) for order in orders]
    return _all_digits(
        name, context, Draw(train_per_class, test_per_class, valid_share, split_seed), layouts
    )


@stream("til", "dil")
def rotated_mnist(
    *,
    tasks: Count = 10,
    angles: Sequence[float] = (),
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """Rotated MNIST: all ten digits in every task, turned by another angle in each.

    ``angles``: degrees counter-clockwise, one a task; left out, they divide half a turn, from 0
    in steps of 180 / ``tasks``. Turned about the centre, bilinear, black outside, as Pillow does.
    All tasks have the same images, and hold the same ones out. For the other arguments see
    `Draw`. Raises `BadInput` for a class order, for a value that does not fit and for missing
    data.
    """
    turns = list(angles) or [t * 180 / tasks for t in range(tasks)]
    if len(turns) != tasks:
        raise BadInput(
            f"stream_args.angles = {turns} are {len(turns)} for tasks = {tasks}; give one a task, "
            f"or leave them out"
        )
    layouts = [partial(rotated, angle=angle) for angle in turns]
    return _all_digits(
        name, context, Draw(train_per_class, test_per_class, valid_share, split_seed), layouts
    )


def _all_digits(name: str, context: Context, draw: Draw, layouts: Sequence[Layout]) -> Stream:
    context.refuse_class_order(name, "every task has all classes")
    images = data.load("mnist", context.data_dir)
    parts, classes = draw.parts(images), range(count_classes(images))
    tasks = tuple(
        make_task(images, parts, classes, stream=name, number=t, layout=layout)
        for t, layout in enumerate(layouts)
    )
    return Stream(name, tasks, MNIST_NORMALISATION, images.data_hash, class_names=DIGIT_NAMES)


def permuted(images: NDArray[Any], order: Tensor) -> Tensor:
    """Images (n, H, W, C) as (n, C, H, W) with pixel ``order[i]`` (H * W,) in place i."""
    x = channels_first(images)
    return x.flatten(2)[:, :, order].view(x.shape)
