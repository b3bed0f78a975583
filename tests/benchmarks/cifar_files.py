"""Tiny stand-ins for the files of CIFAR-100, and where the real ones may lie."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks import data
from benchmarks.data import cache
from benchmarks.data.cifar import CIFAR100_FILES, CifarFiles

CLASSES = 3
TILES = {"train": (2, 2), "test": (1, 2)}
"""Rows and columns of each class's mosaic."""

Raw = dict[str, NDArray[Any]]


def shared_data() -> Path | None:
    """The folder with the real images: SHARED_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("SHARED_DATA", beside))
    return folder if (folder / "cifar100").is_dir() else None


def make_mosaics(folder: Path) -> Raw:
    """Write `CLASSES` mosaics a split to ``folder/cifar100``; returns the arrays they hold."""
    generator, arrays = np.random.default_rng(0), {}
    for split, (rows, columns) in TILES.items():
        n = rows * columns
        x = generator.integers(0, 256, (CLASSES, n, 32, 32, 3), dtype=np.uint8)
        (folder / "cifar100" / split).mkdir(parents=True)
        for label in range(CLASSES):
            picture = np.block(
                [[[x[label, r * columns + c]] for c in range(columns)] for r in range(rows)]
            )
            path = folder / "cifar100" / split / f"{label:02}_thing.webp"
            Image.fromarray(picture).save(path, "WEBP", lossless=True)
        arrays[f"{split}_x"] = x.reshape(-1, 32, 32, 3)
        arrays[f"{split}_y"] = np.repeat(np.arange(CLASSES), n)
    return arrays


def trust(monkeypatch: pytest.MonkeyPatch, arrays: Raw) -> None:
    """Make the importer expect these arrays in place of CIFAR-100's."""
    known = {name: cache.array_sha256(arrays[name]) for name in cache.NAMES}
    expect(monkeypatch, replace(CIFAR100_FILES, classes=CLASSES, mosaic_sha256=known))


def expect(monkeypatch: pytest.MonkeyPatch, files: CifarFiles) -> None:
    """Put other files in the place of the known data set of that name."""
    monkeypatch.setitem(data.DATASETS, files.name, files.data_set())


def make_archive(folder: Path, url: str = "http://nowhere.invalid/") -> tuple[Raw, CifarFiles]:
    """Write torchvision's archive of CIFAR-100 with four + two images.

    The arrays in it, and the description by which it is known: with its own checksums, and
    found on the web at ``url`` and its name.
    """
    generator, arrays, files = np.random.default_rng(1), {}, {}
    for split, n in (("train", 4), ("test", 2)):
        x = generator.integers(0, 256, (n, 3072), dtype=np.uint8)
        labels = list(range(n))
        # Protocol 2 and latin-1 text in place of bytes: as Python 2 wrote the original.
        files[split] = pickle.dumps({"data": x, "fine_labels": labels}, protocol=2)
        arrays[f"{split}_x"] = x.reshape(n, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"{split}_y"] = np.asarray(labels)
    files["meta"] = pickle.dumps({"fine_label_names": ["a", "b", "c", "d"]})
    archive = folder / CIFAR100_FILES.archive.path
    write_tar(archive, {f"{CIFAR100_FILES.folder}/{name}": value for name, value in files.items()})
    known = replace(
        CIFAR100_FILES,
        archive=replace(
            CIFAR100_FILES.archive, urls=(f"{url}{archive.name}",), md5=md5(archive.read_bytes())
        ),
        batches={split: {split: md5(files[split])} for split in ("train", "test")},
    )
    return arrays, known


def write_tar(archive: Path, files: Mapping[str, bytes]) -> None:
    """Write a .tar.gz with these contents under these names."""
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def md5(content: bytes) -> str:
    """As torchvision writes it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
