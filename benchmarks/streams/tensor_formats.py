"""The arrays in a .npz or .pt file of a user, whatever else the file turns out to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.data.cache import NAMES
from benchmarks.data.messages import plain
from benchmarks.errors import BadInput

NamedArrays = dict[str, NDArray[Any]]


def read_arrays(file: Path) -> NamedArrays:
    """The arrays train_x, train_y, test_x and test_y of a file, in the machine's byte order.

    Neither format runs code that the file brings: no pickled objects, weights alone. Raises
    `BadInput` for a file of another kind, that can't be read, or that lacks an array.
    """
    readers: dict[str, Callable[[Path], NamedArrays]] = {".npz": _read_npz, ".pt": _read_pt}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise BadInput(f"stream_args.file = {str(file)!r}: give a .npz or a .pt file")
    try:
        return reader(file)
    except BadInput:
        raise
    # A file that is something else makes the readers stumble over whatever it has.
    except Exception as error:
        raise BadInput(
            f"{file}: cannot be read ({_reason(error)}); save a dict of plain tensors "
            f"{', '.join(NAMES)} with torch.save, or arrays with numpy.savez"
        ) from error


def _read_npz(file: Path) -> NamedArrays:
    with file.open("rb") as opened:
        if not is_zipfile(opened):
            raise ValueError("it is no archive of numpy.savez, or was cut short")
    with np.load(file, allow_pickle=False) as loaded:
        _require_names(file, loaded.files)
        arrays = {name: loaded[name] for name in NAMES}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{name} in it is no .npy array")
    return {name: a.astype(a.dtype.newbyteorder("="), copy=False) for name, a in arrays.items()}


def _read_pt(file: Path) -> NamedArrays:
    tensors = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(tensors, dict):
        raise ValueError("it holds no dict of tensors")
    _require_names(file, tensors)
    return {name: _plain_array(file, name, tensors[name]) for name in NAMES}


def _require_names(file: Path, held: Iterable[object]) -> None:
    held = list(held)
    for name in NAMES:
        if name not in held:
            raise BadInput(
                f"{file}: holds no array {name!r}, it has "
                f"{plain(', '.join(sorted(map(str, held)))) or 'none'}; give it {', '.join(NAMES)}"
            )


def _plain_array(file: Path, name: str, value: object) -> NDArray[Any]:
    what = f"a {type(value).__name__}"
    if isinstance(value, Tensor):
        try:
            array: NDArray[Any] = value.numpy(force=True)
            return array
        except (TypeError, RuntimeError):  # bfloat16, sparse, quantised, or without any values
            what = f"a {value.dtype} tensor, {value.layout}, on {value.device}"
    raise BadInput(f"{file}: {name} is {what}; make it a plain tensor that numpy can hold")


def _reason(error: Exception) -> str:
    """An error of NumPy or torch in few words, without torch's advice to run the file's code."""
    if isinstance(error, UnpicklingError | LookupError):
        return "it holds objects that are no plain tensors, or was not made by torch.save"
    if isinstance(error, MemoryError):
        return "an array in it claims more bytes than there is memory for"
    return plain(str(error).partition(". ")[0]) or type(error).__name__
