"""Lossless WebP mosaics: one picture a class, tiled with all its images, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.image_folders import image_files, open_image
from benchmarks.errors import BadInput

SUFFIXES = (".webp",)


def lies_in(folder: Path) -> bool:
    """Whether ``folder`` has a mosaic of train or of test."""
    return any(image_files(folder / split, SUFFIXES) for split in ("train", "test"))


def read_mosaics(folder: Path, *, classes: int, size: int) -> dict[str, NDArray[Any]]:
    """The four arrays of ``folder/{train,test}/<label>_<name>.webp``, in order of file names.

    Images (N, size, size, 3) uint8, labels (N,) int64 from the file names. Raises `BadInput`
    naming a file that is missing, cannot be decoded, or is no tiling of ``size``.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for split in ("train", "test"):
        paths = image_files(folder / split, SUFFIXES)
        if [_label(path) for path in paths] != list(range(classes)):
            raise BadInput(
                f"{folder / split}: expected one <label>_<name>.webp for each of the labels 0 to "
                f"{classes - 1}, found {len(paths)} files; copy the folder again"
            )
        images = [_tiles(path, size) for path in paths]
        arrays[f"{split}_x"] = np.concatenate(images)
        arrays[f"{split}_y"] = np.repeat(np.arange(classes, dtype="<i8"), [len(x) for x in images])
    return arrays


def _label(path: Path) -> int:
    number = path.name.partition("_")[0]
    return int(number) if number.isdecimal() else -1


def _tiles(path: Path, size: int) -> NDArray[np.uint8]:
    pixels = np.asarray(open_image(path, "RGB"))
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    if (rows * size, columns * size) != pixels.shape[:2]:
        raise BadInput(f"{path}: {pixels.shape[:2]} pixels are no tiling of {size} x {size} images")
    tiled = pixels.reshape(rows, size, columns, size, 3).swapaxes(1, 2)
    return tiled.reshape(rows * columns, size, size, 3)
