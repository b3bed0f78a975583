"""Is this what it claims to be? Digests of files and of decoded arrays against known ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.cache import NAMES, array_sha256, file_digest
from benchmarks.data.messages import BadFile, plain
from benchmarks.errors import BadInput


def require_digest(path: Path, algorithm: str, expected: str, way_out: str) -> None:
    """Raise `BadInput` naming the file unless its digest is the expected one."""
    try:
        found = file_digest(path, algorithm)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); {way_out}") from error
    if found != expected:
        raise BadInput(
            f"{path}: its {algorithm} is {found}, not {expected} (cut short, damaged or another "
            f"file); {way_out}"
        )


def require_known(
    arrays: Mapping[str, NDArray[Any]], known: Mapping[str, str], where: str, way_out: str
) -> None:
    """Raise `BadInput` unless each decoded array has its known sha256.

    ``where``: the files, with ``{split}`` in place of train or test.
    """
    for name in NAMES:
        if array_sha256(arrays[name]) != known[name]:
            raise BadInput(
                f"{where.format(split=name.partition('_')[0])}: the decoded {name} does not have "
                f"the sha256 {known[name][:12]}... of its README; {way_out}"
            )


def stack(array: Any, where: str) -> NDArray[Any]:
    """An array or a list of alike arrays as one array; raises `BadFile` for unlike ones."""
    try:
        return np.asarray(array)
    except ValueError as error:
        raise BadFile(f"{where}: its images are not of one size ({plain(error)})") from error


def images(array: NDArray[Any], where: str, *shapes: tuple[int, ...]) -> NDArray[np.uint8]:
    """The images (N, H, W, C) as uint8; raises `BadFile` for another shape or other numbers.

    ``shapes``: the (H, W, C) that are accepted.
    """
    if array.ndim != 4 or array.shape[1:] not in shapes or not len(array):
        raise BadFile(f"{where}: images of shape {array.shape}, not (N, H, W, C) of {shapes}")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind in "iuf":
        with np.errstate(invalid="ignore"):  # what does not fit is found by comparing
            pixels = array.astype(np.uint8)
        if np.array_equal(pixels, array):
            return pixels
    raise BadFile(f"{where}: {array.dtype} pixels that are no whole numbers from 0 to 255")


def labels(array: Any, where: str, *, n: int, classes: int) -> NDArray[np.int64]:
    """The labels (N,) as int64; raises `BadFile` unless each of 0 to ``classes`` - 1 occurs."""
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise BadFile(f"{where}: its labels are no list of numbers ({plain(error)})") from error
    if array.shape != (n,) or array.dtype.kind not in "iuf":
        raise BadFile(f"{where}: labels of shape {array.shape} ({array.dtype}), not {n} numbers")
    if not np.array_equal(np.unique(array), np.arange(classes)):
        raise BadFile(
            f"{where}: the labels are not 0 to {classes - 1}, each at least once; found "
            f"{len(np.unique(array))} from {array.min()} to {array.max()}"
        )
    numbers: NDArray[np.int64] = array.astype("<i8")
    return numbers
