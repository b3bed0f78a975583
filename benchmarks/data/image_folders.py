"""Image files in one folder a class: ``{train,test}/<class>/<image>``."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BadInput

SUFFIXES = {".jpg", ".jpeg", ".png"}


def lies_in(folder: Path) -> bool:
    """Whether ``folder/train`` has a folder with an image in it."""
    return any(path.suffix.lower() in SUFFIXES for path in folder.glob("train/*/*"))


def read_images(
    folder: Path, *, classes: int, size: int, mode: Literal["L", "RGB"]
) -> dict[str, NDArray[Any]]:
    """The four arrays, in order of class names and then of file names.

    Images (N, size, size, 3 or 1) uint8; labels (N,) int64, the place of the class among the
    sorted names. Raises `BadInput` naming a file that cannot be decoded or has another size,
    and a split with other classes.
    """
    arrays: dict[str, NDArray[Any]] = {}
    names = _classes(folder / "train")
    for split in ("train", "test"):
        if len(names) != classes or _classes(folder / split) != names:
            raise BadInput(
                f"{folder / split}: holds {len(_classes(folder / split))} folders of images, not "
                f"one for each of the {classes} classes, alike in train and test"
            )
        of_class = [_images(folder / split / name) for name in names]
        arrays[f"{split}_x"] = decode((path for paths in of_class for path in paths), size, mode)
        arrays[f"{split}_y"] = np.repeat(np.arange(classes, dtype="<i8"), list(map(len, of_class)))
    return arrays


def decode(
    files: Iterable[Path | tuple[str, bytes]], size: int, mode: Literal["L", "RGB"]
) -> NDArray[np.uint8]:
    """The images (N, size, size, 3 or 1) uint8 in files, or in the contents of named ones.

    Raises `BadInput` naming one that is damaged or has another size.
    """
    from PIL import Image

    pixels = []
    for file in files:
        name, content = (file, file) if isinstance(file, Path) else (file[0], BytesIO(file[1]))
        try:
            with Image.open(content) as picture:
                if picture.size != (size, size):
                    width, height = picture.size
                    raise BadInput(
                        f"{name}: {width} x {height} pixels; resize it to {size} x {size}"
                    )
                pixels.append(np.asarray(picture.convert(mode)))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise BadInput(
                f"{name}: damaged image ({error}); copy it again or delete it"
            ) from error
    return np.stack(pixels).reshape(len(pixels), size, size, -1)


def _classes(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if _images(path))


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
