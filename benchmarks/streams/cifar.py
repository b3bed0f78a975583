"""Streams of CIFAR images, as this literature splits them."""

from __future__ import annotations

from benchmarks import data
from benchmarks.streams import stream
from benchmarks.streams.class_names import CIFAR10_NAMES, CIFAR100_NAMES
from benchmarks.streams.class_splits import split_classes
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.parts import Count, Draw, Share, SplitSeed
from benchmarks.streams.stream import Context, Stream

NORMALISATION = Normalisation(
    mean=(125.3 / 255, 123.0 / 255, 113.9 / 255),
    std=(63.0 / 255, 62.1 / 255, 66.7 / 255),
)
"""protocol.md section 2, from the authors' dataloader: CIFAR-10's, used for CIFAR-100 too."""


@stream("til", "cil", "dil")
def split_cifar100(
    *,
    tasks: Count = 10,
    classes_per_task: Count = 10,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """Split CIFAR-100: tasks of consecutive classes, 0 to 99 in order; 32 x 32, colour.

    In ``dil`` the i-th classes of all tasks are one output: they have nothing in common. For
    the other arguments see `Draw`. Raises `BadInput` for a value that does not fit and for
    missing data.
    """
    return split_classes(
        name=name,
        context=context,
        images=data.load("cifar100", context.data_dir),
        draw=Draw(train_per_class, test_per_class, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        normalisation=NORMALISATION,
        class_names=CIFAR100_NAMES,
    )


@stream("til", "cil", "dil")
def split_cifar10(
    *,
    tasks: Count = 5,
    classes_per_task: Count = 2,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """Split CIFAR-10: tasks of two consecutive classes; otherwise as `split_cifar100`."""
    return split_classes(
        name=name,
        context=context,
        images=data.load("cifar10", context.data_dir),
        draw=Draw(train_per_class, test_per_class, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        normalisation=NORMALISATION,
        class_names=CIFAR10_NAMES,
    )
