"""Split MNIST and Split FashionMNIST: 28 x 28 in grey, five tasks of two classes."""

from __future__ import annotations

from benchmarks import data
from benchmarks.streams import stream
from benchmarks.streams.class_names import DIGIT_NAMES, FASHION_NAMES
from benchmarks.streams.class_splits import split_classes
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.parts import Count, Draw, Share, SplitSeed
from benchmarks.streams.stream import Context, Stream

MNIST_NORMALISATION = Normalisation(mean=(0.1307,), std=(0.3081,))
FASHION_NORMALISATION = Normalisation(mean=(0.2860,), std=(0.3530,))
"""Of the training images without padding; `five_datasets` pads them and has other constants."""


@stream("til", "cil", "dil")
def split_mnist(
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
    """Split MNIST: tasks of two consecutive digits, 0 to 9 in order.

    Classes differ in size: ``train_per_class`` and ``test_per_class`` make them even. For the
    other arguments see `Draw`. Raises `BadInput` for a value that does not fit and for missing
    data.
    """
    return split_classes(
        name=name,
        context=context,
        images=data.load("mnist", context.data_dir),
        draw=Draw(train_per_class, test_per_class, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        normalisation=MNIST_NORMALISATION,
        class_names=DIGIT_NAMES,
    )


@stream("til", "cil", "dil")
def split_fmnist(
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
    """Split FashionMNIST: tasks of two kinds of clothing; otherwise as `split_mnist`."""
    return split_classes(
        name=name,
        context=context,
        images=data.load("fashion_mnist", context.data_dir),
        draw=Draw(train_per_class, test_per_class, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        normalisation=FASHION_NORMALISATION,
        class_names=FASHION_NAMES,
    )
