"""A user's data set in one file of four arrays, checked before it is used."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.data.cache import NAMES, array_sha256
from benchmarks.errors import BadInput


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

    Neither runs code that the file brings: no pickled objects, weights alone. Raises `BadInput`
    for a file that can't be read, that lacks an array, or whose arrays do not fit.
    """
    arrays = _read(file)
    for name in NAMES:
        if name not in arrays:
            raise BadInput(
                f"{file}: holds no array {name!r}, it has {', '.join(sorted(arrays)) or 'none'}; "
                f"give it {', '.join(NAMES)}"
            )
    for split in ("train", "test"):
        _check_samples(file, split, arrays[f"{split}_x"])
        _check_labels(file, split, arrays[f"{split}_y"], len(arrays[f"{split}_x"]))
    train, test = arrays["train_x"], arrays["test_x"]
    if (train.shape[1:], train.dtype) != (test.shape[1:], test.dtype):
        raise BadInput(
            f"{file}: train_x has {train.dtype} samples of shape {train.shape[1:]}, test_x "
            f"{test.dtype} of {test.shape[1:]}; make them alike"
        )
    train_y, test_y = (arrays[f"{split}_y"].astype(np.int64) for split in ("train", "test"))
    return TensorFile(train, train_y, test, test_y, array_sha256(train, train_y, test, test_y))


def _read(file: Path) -> Mapping[str, NDArray[Any]]:
    try:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as loaded:
                return {name: loaded[name] for name in loaded.files if name in NAMES}
        if file.suffix == ".pt":
            tensors = torch.load(file, map_location="cpu", weights_only=True)
            if not isinstance(tensors, dict):
                raise ValueError("it holds no dict of tensors")
            return {k: v.numpy() for k, v in tensors.items() if torch.is_tensor(v)}
    except (OSError, ValueError, EOFError, BadZipFile, RuntimeError, pickle.UnpicklingError) as e:
        reason = (str(e).splitlines() or [type(e).__name__])[0]
        raise BadInput(
            f"{file}: cannot be read ({reason}); save a dict of plain tensors {', '.join(NAMES)} "
            f"with torch.save, or arrays with numpy.savez"
        ) from e
    raise BadInput(f"stream_args.file = {str(file)!r}: give a .npz or a .pt file")


def _check_samples(file: Path, split: str, x: NDArray[Any]) -> None:
    if x.ndim not in {2, 4} or x.dtype not in (np.uint8, np.float32) or not x.size:
        raise BadInput(
            f"{file}: {split}_x is {x.dtype} of shape {x.shape}; make it uint8 or float32 of "
            f"shape (N, C, H, W) or (N, D)"
        )
    if x.dtype == np.float32 and not np.isfinite(x).all():
        raise BadInput(f"{file}: {split}_x holds NaN or infinity; replace those values")


def _check_labels(file: Path, split: str, y: NDArray[Any], samples: int) -> None:
    if y.shape != (samples,) or not np.issubdtype(y.dtype, np.integer):
        raise BadInput(
            f"{file}: {split}_y is {y.dtype} of shape {y.shape}; make it one integer for each of "
            f"the {samples} samples of {split}_x"
        )
    if y.min() < 0:
        raise BadInput(f"{file}: {split}_y holds the label {y.min()}; number classes from 0")
