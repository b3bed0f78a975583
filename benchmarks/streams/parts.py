"""Which images of a data set a stream takes, and which of them are for validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmarks.data import Arrays
from benchmarks.errors import BadInput
from benchmarks.streams.stream import SplitName

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
SplitSeed = Annotated[int, Field(ge=0)]

Indices = NDArray[np.int64]


class Images(Protocol):
    """Images that are read when they are indexed: an array, a mapped file, a list of files."""

    def __getitem__(self, indices: Indices, /) -> NDArray[Any]:
        """The images of some indices, in their order."""


class ImageSet(Protocol):
    """A classification data set: `benchmarks.data.Arrays`, or a user's own.

    Labels are (N,) int64 from 0; ``data_hash`` is that of every image and label.
    """

    @property
    def train_x(self) -> Images: ...
    @property
    def train_y(self) -> NDArray[np.int64]: ...
    @property
    def test_x(self) -> Images: ...
    @property
    def test_y(self) -> NDArray[np.int64]: ...
    @property
    def data_hash(self) -> str: ...


@dataclass(frozen=True)
class Draw:
    """How many images of each class are used, and how many of them held out for validation.

    ``train_per_class``, ``test_per_class``: so many at random, drawn with ``split_seed`` (stored
    orders are not random: some files are sorted by sub-type); None: all that a class has.
    ``valid_share`` of the training images of each class is held out, with ``split_seed`` too.
    Neither depends on the class order or on the number of tasks.
    """

    train_per_class: int | None
    test_per_class: int | None
    valid_share: float
    split_seed: int

    def parts(self, images: ImageSet) -> dict[SplitName, Indices]:
        """Indices of each split, sorted: of ``train`` and ``valid`` into the training images.

        Raises `BadInput` naming the argument and the class that has too few images.
        """
        n_classes = count_classes(images)
        for split, y in (("train", images.train_y), ("test", images.test_y)):
            absent = np.setdiff1d(np.arange(n_classes), y)
            if len(absent):
                raise BadInput(
                    f"class {absent[0]} has no {split} images, but there are classes to "
                    f"{n_classes - 1}; {_labels_way_out(images)}"
                )
        train = some_of_each_class(
            images.train_y, n_classes, self.train_per_class, self.split_seed, "train"
        )
        test = some_of_each_class(
            images.test_y, n_classes, self.test_per_class, self.split_seed, "test"
        )
        generator = np.random.default_rng(self.split_seed)
        kept, held = hold_out(images.train_y[train], self.valid_share, generator, "valid_share")
        return {"train": train[kept], "valid": train[held], "test": test}


def count_classes(images: ImageSet) -> int:
    """Classes of a data set: its labels are 0 to one less.

    Raises `BadInput` for more of them than training images, and for labels below 0.
    """
    lowest = int(min(images.train_y.min(), images.test_y.min()))
    highest = int(max(images.train_y.max(), images.test_y.max()))
    # Before anything is counted by label: a single damaged one would take all memory.
    if lowest < 0 or highest >= len(images.train_y):
        raise BadInput(
            f"labels go from {lowest} to {highest}, with {len(images.train_y)} training images; "
            f"{_labels_way_out(images)}"
        )
    return 1 + highest


def _labels_way_out(images: ImageSet) -> str:
    if isinstance(images, Arrays):
        return "is the cache damaged? 'python -m benchmarks data verify' tells"
    return "number the classes from 0 without a gap and give each some for train and for test"


def some_of_each_class(
    labels: NDArray[np.int64], n_classes: int, n: int | None, split_seed: int, split: str
) -> Indices:
    """Indices of ``n`` random samples of every class, or of all of them, sorted.

    Every class has some. Raises `BadInput` for a class with fewer than ``n``.
    """
    counts = np.bincount(labels, minlength=n_classes)
    least = int(counts.argmin())
    key = f"stream_args.{split}_per_class"
    if n is None:
        return np.arange(len(labels))
    if n < 1:
        raise BadInput(f"{key} = {n}: give at least 1, or leave it out for all")
    if n > counts[least]:
        raise BadInput(
            f"{key} = {n}: class {least} has {counts[least]} {split} images; give 1 to "
            f"{counts[least]}, or leave it out for all that each class has"
        )
    by_class = np.split(np.argsort(labels, kind="stable"), counts.cumsum()[:-1])
    generator = np.random.default_rng(split_seed)
    return np.sort(np.concatenate([generator.permutation(members)[:n] for members in by_class]))


def hold_out(
    y: NDArray[np.int64], share: float, generator: np.random.Generator, key: str
) -> tuple[Indices, Indices]:
    """Indices kept and indices held out: ``share`` of every class, at random, sorted.

    Raises `BadInput` for a share that leaves a class without samples on one side; ``key`` is
    the argument that it comes from.
    """
    held = []
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        n = len(members)
        count = round(share * n)
        if not 0 < count < n:
            way_out = (
                f"give a share between {1 / n:.3g} and {1 - 1 / n:.3g}"
                if n > 1
                else "give every class more images"
            )
            raise BadInput(
                f"stream_args.{key} = {share} holds out {count} of the {n} images of "
                f"class {label} and keeps {n - count}: none is too few; {way_out}"
            )
        held.append(generator.permutation(members)[:count])
    mask = np.zeros(len(y), bool)
    mask[np.concatenate(held)] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)
