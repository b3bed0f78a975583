"""Tiny stand-ins for data sets in the cache; every image carries its index and its label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import Arrays, cache
from benchmarks.streams.split import Split

GREY = ("mnist", "fashion_mnist", "notmnist")
SHAPES = dict.fromkeys(GREY, (28, 28, 1)) | {"miniimagenet": (84, 84, 3)}
COLOUR = (32, 32, 3)


def store(data: Path, name: str, train: Sequence[int], test: Sequence[int]) -> Arrays:
    """Cache a data set with so many train and test images of each class, in shuffled order.

    Image i of a split has i in pixels (0, 0) and (0, 1), its label in (5, 7), the first letter
    of the data set's name in (6, 6); the test images 1 in (9, 9).
    """
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, counts in (("train", train), ("test", test)):
        y = generator.permutation(np.repeat(np.arange(len(counts)), counts))
        x = np.zeros((len(y), *SHAPES.get(name, COLOUR)), np.uint8)
        x[:, 0, 0, 0], x[:, 0, 1, 0] = np.arange(len(y)) // 256, np.arange(len(y)) % 256
        x[:, 5, 7, -1] = y
        x[:, 6, 6, 0] = ord(name[0])
        x[:, 9, 9, 0] = split == "test"
        arrays |= {f"{split}_x": x, f"{split}_y": y}
    return cache.store(data / name, "tests", arrays)


def indices(split: Split, border: int = 0) -> list[int]:
    """Which images of its data set a split has; ``border`` pixels were put around them."""
    x = split.x[:, 0, border, border : border + 2].int()
    return (x[:, 0] * 256 + x[:, 1]).tolist()


def labels(split: Split, border: int = 0) -> list[int]:
    """The labels of its images in their data set."""
    return split.x[:, -1, 5 + border, 7 + border].tolist()
