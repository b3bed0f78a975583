"""The cache of a data set: four .npy files and, written last, the manifest that vouches for them.

The files are uncompressed, so that workers map them (``np.load(mmap_mode="r")``): opening
costs milliseconds, and processes on one machine share the pages.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.data.locks import writing
from benchmarks.errors import BadInput
from benchmarks.records import first_fault, write_atomically

NAMES = ("train_x", "train_y", "test_x", "test_y")
MANIFEST = "manifest.json"


class NotCached(Exception):
    """The cache does not hold a data set whole; the message says what is missing or wrong."""


@dataclass(frozen=True)
class Arrays:
    """A data set: images (N, H, W, C) uint8 and labels (N,) int64, of train and of test.

    Read-only and mapped from disk: index them to copy out what is needed.
    """

    train_x: NDArray[np.uint8]
    train_y: NDArray[np.int64]
    test_x: NDArray[np.uint8]
    test_y: NDArray[np.int64]
    source: str
    """What they were made from; decides the order of images within a class."""
    data_hash: str
    """sha256 over the four arrays' sha256, so over every pixel, label and their order."""


class ArrayEntry(BaseModel):
    """One array as it was when it was stored."""

    model_config = ConfigDict(extra="forbid")

    shape: tuple[int, ...]
    dtype: Literal["uint8", "int64"]
    bytes: int
    """Size of the .npy file, header included."""
    sha256: str
    """Of the array's C-contiguous little-endian bytes, header excluded."""


class Manifest(BaseModel):
    """``manifest.json``: what the cache of a data set holds, and where it came from."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    name: str
    source: str
    arrays: dict[str, ArrayEntry]
    files: dict[str, str] = {}
    """sha256 of the archives that it was made from, by file name. Provenance alone: for some of
    them nobody publishes a checksum to compare with."""

    @property
    def data_hash(self) -> str:
        """sha256 over the hashes of the four arrays, in the order of `NAMES`."""
        text = "".join(self.arrays[name].sha256 for name in NAMES)
        return hashlib.sha256(text.encode()).hexdigest()


def array_sha256(*arrays: NDArray[Any]) -> str:
    """sha256 of the C-contiguous bytes of arrays, one after another."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def file_digest(path: Path, algorithm: str) -> str:
    """The md5 or sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a data set's cache folder; raises `NotCached`."""
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise NotCached(f"{path} does not exist") from None
    except OSError as error:
        raise NotCached(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise NotCached(f"{path} is damaged: {first_fault(error)}") from error
    if set(manifest.arrays) != set(NAMES) or manifest.name != folder.name:
        raise NotCached(f"{path} is damaged: it is not the manifest of {folder.name}")
    return manifest


def read(folder: Path) -> Arrays:
    """Map the arrays of a data set's cache folder; raises `NotCached` unless it is whole.

    Compares shape, dtype and file size with the manifest; `check_hashes` reads every byte.
    """
    manifest = read_manifest(folder)
    arrays = {name: _map(folder / f"{name}.npy", manifest.arrays[name]) for name in NAMES}
    return Arrays(**arrays, source=manifest.source, data_hash=manifest.data_hash)


def _map(path: Path, entry: ArrayEntry) -> NDArray[Any]:
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            raise NotCached(f"{path} has {size:,} bytes, not {entry.bytes:,}")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise NotCached(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        raise NotCached(f"{path} cannot be read: {error}") from error
    if array.shape != entry.shape or array.dtype != entry.dtype:
        raise NotCached(f"{path} holds {array.dtype} {array.shape}, not what its manifest says")
    mapped: NDArray[Any] = array
    return mapped


def check_hashes(folder: Path) -> Arrays:
    """`read`, and hash every byte as well; raises `NotCached` naming the first damaged file."""
    arrays, manifest = read(folder), read_manifest(folder)
    for name in NAMES:
        if array_sha256(getattr(arrays, name)) != manifest.arrays[name].sha256:
            raise NotCached(f"{folder / name}.npy is damaged: its sha256 is not its manifest's")
    return arrays


def store(
    folder: Path, source: str, arrays: Mapping[str, NDArray[Any]], files: Sequence[Path] = ()
) -> Arrays:
    """Write the four arrays and then their manifest, each whole or not at all, and map them.

    Call it inside `locked`. The old manifest goes first, so that a crash at any moment
    leaves either no manifest or a true one. ``files``: what the arrays were read from. Raises
    `BadInput` where nothing can be written.
    """
    for path in (folder / name for name in (MANIFEST, *(f"{name}.npy" for name in NAMES))):
        if path.is_dir():
            raise BadInput(f"{path}: is a folder in the place of a file; remove it")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for leftover in folder.glob(".*.partial"):
            leftover.unlink()
        entries = {name: _write_array(folder / f"{name}.npy", arrays[name]) for name in NAMES}
        manifest = Manifest(
            name=folder.name,
            source=source,
            arrays=entries,
            files={path.name: file_digest(path, "sha256") for path in files},
        )
        write_atomically(folder / MANIFEST, f"{manifest.model_dump_json(indent=1)}\n".encode())
    return read(folder)


def _write_array(path: Path, array: NDArray[Any]) -> ArrayEntry:
    array = np.ascontiguousarray(array, dtype="u1" if array.dtype == np.uint8 else "<i8")
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return ArrayEntry(
        shape=array.shape,
        dtype="uint8" if array.dtype == np.uint8 else "int64",
        bytes=path.stat().st_size,
        sha256=array_sha256(array),
    )
