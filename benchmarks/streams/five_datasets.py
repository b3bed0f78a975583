"""Several data sets in a row, one a task: the papers' five, and four of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks import data
from benchmarks.errors import BadInput
from benchmarks.streams import class_names, stream
from benchmarks.streams.cifar import NORMALISATION as CIFAR_NORMALISATION
from benchmarks.streams.class_splits import channels_first, make_task
from benchmarks.streams.normalisation import MemberNormalisation, Normalisation
from benchmarks.streams.parts import Draw, Share, SplitSeed
from benchmarks.streams.stream import Context, Stream

SIDE, CLASSES = 32, 10


@dataclass(frozen=True)
class Member:
    """A data set of ten classes, and the constants that the papers normalise it with."""

    dataset: str
    normalisation: Normalisation
    class_names: tuple[str, ...]


def _grey(mean: float, std: float) -> Normalisation:
    return Normalisation(mean=(mean,) * 3, std=(std,) * 3)


CIFAR10 = Member("cifar10", CIFAR_NORMALISATION, class_names.CIFAR10_NAMES)
MNIST = Member("mnist", _grey(0.1, 0.2752), class_names.DIGIT_NAMES)
SVHN = Member(
    "svhn",
    Normalisation(mean=(0.4377, 0.4438, 0.4728), std=(0.198, 0.201, 0.197)),
    class_names.DIGIT_NAMES,
)
FASHION = Member("fashion_mnist", _grey(0.2190, 0.3318), class_names.FASHION_NAMES)
NOTMNIST = Member("notmnist", _grey(0.4254, 0.4501), class_names.LETTER_NAMES)
"""Constants and order: protocol.md section 2, "Data"."""


@stream("til", "cil")
def five_datasets(
    *,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """CIFAR-10, MNIST, SVHN, FashionMNIST, notMNIST: the papers' 5-datasets, in their order.

    Every task has the ten classes of one data set, 32 x 32 in colour (grey images in a black
    border of two pixels, three times), normalised with its own constants. Class c of data set m
    is number 10 m + c. FashionMNIST is FashionMNIST: the authors' code had MNIST in its place
    (protocol.md, 4f).

    For the arguments see `Draw`. Raises `BadInput` for a class order, for a value that does not
    fit and for missing data: without one of the five it does not run.
    """
    draw = Draw(train_per_class, test_per_class, valid_share, split_seed)
    return _one_a_task(name, context, draw, (CIFAR10, MNIST, SVHN, FASHION, NOTMNIST))


@stream("til", "cil")
def four_datasets(
    *,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """CIFAR-10, MNIST, FashionMNIST, notMNIST: `five_datasets` for those who have no SVHN.

    Its numbers compare with those of no paper.
    """
    draw = Draw(train_per_class, test_per_class, valid_share, split_seed)
    return _one_a_task(name, context, draw, (CIFAR10, MNIST, FASHION, NOTMNIST))


def _one_a_task(name: str, context: Context, draw: Draw, members: Sequence[Member]) -> Stream:
    context.refuse_class_order(name, "its tasks are data sets in the papers' order")
    sets = _load(members, context)
    tasks = []
    for number, images in enumerate(sets):
        parts = draw.parts(images)
        own = make_task(
            images,
            parts,
            range(CLASSES),
            stream=name,
            number=number,
            source=number,
            layout=in_colour,
        )
        first = number * CLASSES
        tasks.append(replace(own, classes=tuple(range(first, first + CLASSES))))
    return Stream(
        name,
        tuple(tasks),
        MemberNormalisation(tuple(member.normalisation for member in members)),
        hashlib.sha256("".join(images.data_hash for images in sets).encode()).hexdigest(),
        members=tuple(member.dataset for member in members),
        class_names=tuple(label for member in members for label in member.class_names),
    )


def _load(members: Sequence[Member], context: Context) -> list[data.Arrays]:
    """The data sets of all members; `BadInput` names every one that cannot be had."""
    sets: list[data.Arrays] = []
    missing: dict[Member, str] = {}
    for member in members:
        try:
            sets.append(data.load(member.dataset, context.data_dir))
        except BadInput as error:
            missing[member] = str(error)
    if not missing:
        return sets
    hints = ["the stream 'four_datasets' is this one without SVHN"] if SVHN in missing else []
    raise BadInput("; ".join([*missing.values(), *hints]))


def in_colour(images: NDArray[Any]) -> Tensor:
    """Images (n, H, W, 1 or 3) as (n, 3, 32, 32): black round smaller ones, grey three times."""
    x = channels_first(images)
    rows, columns = (SIDE - side for side in x.shape[2:])
    border = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    return torch.nn.functional.pad(x, border).expand(-1, 3, -1, -1).contiguous()
