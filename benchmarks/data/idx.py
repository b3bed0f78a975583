"""The idx files of MNIST and its like: four files, gzipped or not, known by their md5."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.cache import file_digest
from benchmarks.errors import BadInput

FILES = {
    "train_x": "train-images-idx3-ubyte",
    "train_y": "train-labels-idx1-ubyte",
    "test_x": "t10k-images-idx3-ubyte",
    "test_y": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True)
class Digests:
    """The md5 of one file."""

    packed: str
    """Of the .gz file as it is distributed."""
    unpacked: str


Release = Mapping[str, Digests]
"""The four files of one release, by the name of the array that each holds."""


def lies_in(folder: Path) -> bool:
    """Whether any of the four files, packed or not, is in ``folder``."""
    return any(path.is_file() for name in FILES for path in _candidates(folder, name))


def read_idx(
    folder: Path, releases: Mapping[str, Release], others: Mapping[str, Release]
) -> tuple[str, dict[str, NDArray[Any]]]:
    """The release that ``folder`` holds, and its four arrays.

    Images (N, 28, 28, 1) uint8, labels (N,) int64. Raises `BadInput` naming a file that is
    missing or of no known release. ``others``: releases of data sets that have the same file
    names, to say which one was put in the wrong folder.
    """
    arrays: dict[str, NDArray[Any]] = {}
    possible = set(releases)
    for name in FILES:
        path = _present(folder, name)
        known = _releases_of(path, name, releases)
        if not known:
            raise BadInput(f"{path}: {_refusal(path, name, others)}")
        possible &= known
        arrays[name] = _parse(path)
    if not possible:
        raise BadInput(
            f"{folder}: its four files are not of one release ({', '.join(releases)}); put all "
            f"four of one there"
        )
    return next(release for release in releases if release in possible), arrays


def _candidates(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / FILES[name], folder / f"{FILES[name]}.gz"


def _present(folder: Path, name: str) -> Path:
    for path in _candidates(folder, name):
        if path.is_file():
            return path
    raise BadInput(f"{folder / FILES[name]}.gz: does not exist; put all four files there")


def _releases_of(path: Path, name: str, releases: Mapping[str, Release]) -> set[str]:
    md5 = file_digest(path, "md5")
    kind = "packed" if path.suffix == ".gz" else "unpacked"
    return {key for key, release in releases.items() if getattr(release[name], kind) == md5}


def _refusal(path: Path, name: str, others: Mapping[str, Release]) -> str:
    for other in _releases_of(path, name, others):
        return f"this is {other}'s file, put in the wrong folder; replace it"
    return (
        f"its md5 {file_digest(path, 'md5')} is of no known release (cut short or damaged); "
        f"delete it and get it again"
    )


def _parse(path: Path) -> NDArray[Any]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    count = int.from_bytes(content[4:8], "big")
    if content[3] == 1:
        return np.frombuffer(content, np.uint8, offset=8).astype("<i8")
    return np.frombuffer(content, np.uint8, offset=16).reshape(count, 28, 28, 1)
