"""A user's data set in one file of four arrays, checked before it is used."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.cache import array_sha256
from benchmarks.errors import BadInput
from benchmarks.streams.tensor_formats import read_arrays

CHANNELS = {1, 3}
"""Of images as most data sets have them."""


@dataclass(frozen=True)
class TensorFile:
    """Samples (N, C, H, W) or (N, D), uint8 or float32, as an `ImageSet`."""

    train_x: NDArray[Any]
    train_y: NDArray[np.int64]
    test_x: NDArray[Any]
    test_y: NDArray[np.int64]
    data_hash: str
    """sha256 over the four arrays."""


def read_tensors(file: Path) -> TensorFile:
    """The arrays train_x, train_y, test_x and test_y of a .npz or .pt file.

    Raises `BadInput` as `read_arrays` does, and for arrays that do not fit. Warns of images that
    seem to have their channels last.
    """
    arrays = read_arrays(file)
    for split in ("train", "test"):
        _check_samples(file, split, arrays[f"{split}_x"])
    train, test = arrays["train_x"], arrays["test_x"]
    if (train.shape[1:], train.dtype) != (test.shape[1:], test.dtype):
        raise BadInput(
            f"{file}: train_x has {train.dtype} samples of shape {train.shape[1:]}, test_x "
            f"{test.dtype} of {test.shape[1:]}; make them alike"
        )
    for split in ("train", "test"):
        _check_labels(file, split, arrays[f"{split}_y"], len(arrays[f"{split}_x"]), len(train))
    if train.ndim == 4 and train.shape[3] in CHANNELS and train.shape[1] not in CHANNELS:
        warnings.warn(
            f"{file}: samples of shape {train.shape[1:]} are taken as {train.shape[1]} channels; "
            f"if the channels are last, put them first: x.transpose(0, 3, 1, 2)",
            stacklevel=2,
        )
    train_y, test_y = (arrays[f"{split}_y"].astype(np.int64) for split in ("train", "test"))
    return TensorFile(train, train_y, test, test_y, array_sha256(train, train_y, test, test_y))


def _check_samples(file: Path, split: str, x: NDArray[Any]) -> None:
    if x.ndim == 3:
        raise BadInput(
            f"{file}: {split}_x is {x.dtype} of shape {x.shape}; add a channel axis: "
            f"{split}_x[:, None] is (N, 1, H, W)"
        )
    if x.ndim not in {2, 4} or x.dtype not in (np.uint8, np.float32) or not x.size:
        raise BadInput(
            f"{file}: {split}_x is {x.dtype} of shape {x.shape}; make it uint8 or float32 of "
            f"shape (N, C, H, W) or (N, D)"
        )
    if x.dtype == np.float32 and not np.isfinite(x).all():
        raise BadInput(f"{file}: {split}_x holds NaN or infinity; replace those values")


def _check_labels(file: Path, split: str, y: NDArray[Any], samples: int, training: int) -> None:
    if y.shape != (samples,) or not np.issubdtype(y.dtype, np.integer):
        raise BadInput(
            f"{file}: {split}_y is {y.dtype} of shape {y.shape}; make it one integer for each of "
            f"the {samples} samples of {split}_x"
        )
    if y.min() < 0:
        raise BadInput(f"{file}: {split}_y holds the label {y.min()}; number classes from 0")
    # Before anything is counted by label, and before int64 makes large labels negative.
    if y.max() >= training:
        raise BadInput(
            f"{file}: {split}_y holds the label {y.max()}, and there are {training} training "
            f"samples for all classes; number classes from 0 without a gap"
        )
