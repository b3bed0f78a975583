"""Images of a user in folders, one a class, read when they are needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BadInput
from benchmarks.streams.parts import Indices

SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class ImageFiles:
    """Files that become images (n, size, size, 3) uint8 when they are indexed."""

    paths: tuple[Path, ...]
    size: int

    def __getitem__(self, indices: Indices, /) -> NDArray[np.uint8]:
        """Raises `BadInput` naming the file that is no image."""
        images = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        for row, index in enumerate(indices):
            images[row] = read_image(self.paths[index], self.size)
        return images


@dataclass(frozen=True)
class ImageFolder:
    """The train and test images of a folder, as an `ImageSet`."""

    train_x: ImageFiles
    train_y: NDArray[np.int64]
    test_x: ImageFiles
    test_y: NDArray[np.int64]
    data_hash: str
    """sha256 over the class, name and content of every file, before any resizing."""


def read_folder(folder: Path, size: int) -> tuple[ImageFolder, tuple[str, ...]]:
    """The images of ``folder``/{train,test}/<class>, and the sorted names of the classes.

    Raises `BadInput` for a missing folder and for classes that only one of the two has.
    """
    named = {split: _classes(folder / split) for split in ("train", "test")}
    if only := set(named["train"]) ^ set(named["test"]):
        name = min(only)
        has, lacks = ("train", "test") if name in named["train"] else ("test", "train")
        raise BadInput(
            f"{folder}: class {name!r} is in {has}/ and not in {lacks}/; give each class a folder "
            f"in both"
        )
    digest = hashlib.sha256()
    made: list[tuple[ImageFiles, NDArray[np.int64]]] = []
    for split, classes in named.items():
        paths: list[Path] = []
        labels: list[int] = []
        for label, name in enumerate(classes):
            files = _files(folder / split / name)
            paths += files
            labels += [label] * len(files)
        for path in paths:
            digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        made.append((ImageFiles(tuple(paths), size), np.array(labels, np.int64)))
    (train_x, train_y), (test_x, test_y) = made
    images = ImageFolder(train_x, train_y, test_x, test_y, digest.hexdigest())
    return images, tuple(named["train"])


def read_image(path: Path, size: int) -> NDArray[np.uint8]:
    """An image file as (size, size, 3) uint8: upright, RGB, resized whatever its proportions.

    Raises `BadInput` for a file that is no image.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            resized = upright.resize((size, size), Image.Resampling.BILINEAR)
            return np.asarray(resized, np.uint8)
    # Pillow raises what its decoders raise.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(
            f"{path}: cannot be read as an image ({error}); replace the file or take it away"
        ) from error


def _classes(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise BadInput(
            f"{folder}: no such folder; stream_args.folder has to hold train/<class>/ and "
            f"test/<class>/ with images"
        )
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not names:
        raise BadInput(f"{folder}: holds no folders; put the images of each class into one")
    return names


def _files(folder: Path) -> list[Path]:
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not files:
        raise BadInput(f"{folder}: holds no {', '.join(SUFFIXES)} files; add some, or remove it")
    return files
