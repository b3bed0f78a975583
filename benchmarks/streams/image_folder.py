"""Images of a user in folders, one a class, read when they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.data.image_folders import SUFFIXES, class_folders, image_files, open_image
from benchmarks.errors import BadInput
from benchmarks.streams.parts import Indices

IMAGE_SUFFIXES = {*SUFFIXES, ".avif", ".bmp", ".gif", ".heic", ".tif", ".tiff", ".webp"}
"""Of what a user takes for an image, read or not."""
HIDDEN = (".", "__MACOSX")
"""How names begin that `image_files` and `class_folders` pass over."""


@dataclass(frozen=True)
class ImageFiles:
    """Files that become images (n, size, size, 3) uint8 when they are indexed."""

    paths: tuple[Path, ...]
    size: int

    def __getitem__(self, indices: Indices, /) -> NDArray[np.uint8]:
        """Raises `BadInput` for more than there is memory for, and as `read_image` does."""
        needed, free = len(indices) * self.size**2 * 3, psutil.virtual_memory().available
        if needed > free:
            raise BadInput(
                f"stream_args.size = {self.size}: {len(indices)} images of that take "
                f"{needed / 2**30:.1f} GiB and {free / 2**30:.1f} are free; give a smaller one"
            )
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

    Raises `BadInput` for a missing folder, for classes that only one of the two has, for a file
    that can't be read and for images that would not be: of another kind, or in folders below that
    of a class.
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
            _refuse_others(folder / split / name, files)
            paths += files
            labels += [label] * len(files)
        for path in paths:
            name = f"{path.relative_to(folder).as_posix()}\n"
            digest.update(name.encode(errors="surrogateescape"))  # not all names are UTF-8
            digest.update(hashlib.sha256(_content(path)).digest())
        made.append((ImageFiles(tuple(paths), size), np.array(labels, np.int64)))
    (train_x, train_y), (test_x, test_y) = made
    images = ImageFolder(train_x, train_y, test_x, test_y, digest.hexdigest())
    return images, tuple(named["train"])


def read_image(path: Path, size: int) -> NDArray[np.uint8]:
    """An image file as (size, size, 3) uint8, resized whatever its proportions.

    Raises `BadInput` as `benchmarks.data.image_folders.open_image` does.
    """
    from PIL import Image

    resized = open_image(path, "RGB").resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.uint8)


def _classes(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise BadInput(
            f"{folder}: no such folder; stream_args.folder has to hold train/<class>/ and "
            f"test/<class>/ with images"
        )
    if loose := image_files(folder):
        raise BadInput(f"{loose[0]}: an image of no class; put it into the folder of one")
    names = [path.name for path in class_folders(folder)]
    if not names:
        raise BadInput(f"{folder}: holds no folders; put the images of each class into one")
    return names


def _files(folder: Path) -> list[Path]:
    files = image_files(folder)
    if not files:
        raise BadInput(f"{folder}: holds no {', '.join(SUFFIXES)} files; add some, or remove it")
    return files


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror}); replace the file or take it away"
        ) from error


def _refuse_others(folder: Path, read: Sequence[Path]) -> None:
    """Raise `BadInput` for images that would be left out without a word."""
    others = sorted(set(_images_below(folder)) - set(read))
    if others:
        raise BadInput(
            f"{others[0]}: an image that would not be read, the first of {len(others)}; save it as "
            f"{', '.join(SUFFIXES)} in the folder of its class itself, or take it away"
        )


def _images_below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(HIDDEN) for part in path.relative_to(folder).parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and not hidden and path.is_file():
            yield path
