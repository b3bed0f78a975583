"""Tiny stand-ins for the files of CIFAR-100, and where the real ones may lie."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.data import cache, cifar

CLASSES = 3
TILES = {"train": (2, 2), "test": (1, 2)}
"""Rows and columns of each class's mosaic."""

Raw = dict[str, NDArray[Any]]


def shared_data() -> Path | None:
    """The folder with the real mosaics: SHARED_DATA, or shared/data beside the checkout."""
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
    monkeypatch.setattr(cifar, "CLASSES", CLASSES)
    known = {name: cache.array_sha256(arrays[name]) for name in cache.NAMES}
    monkeypatch.setattr(cifar, "MOSAIC_SHA256", known)


def make_torchvision(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Raw:
    """Write a torchvision archive of four + two images and make torchvision expect its md5s."""
    from torchvision import datasets

    generator, arrays, files = np.random.default_rng(1), {}, {}
    for split, n in (("train", 4), ("test", 2)):
        x = generator.integers(0, 256, (n, 3072), dtype=np.uint8)
        labels = list(range(n))
        files[split] = pickle.dumps({"data": x, "fine_labels": labels})
        arrays[f"{split}_x"] = x.reshape(n, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"{split}_y"] = np.asarray(labels)
    files["meta"] = pickle.dumps({"fine_label_names": ["a", "b", "c", "d"]})
    kind = datasets.CIFAR100
    archive = folder / kind.filename
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{kind.base_folder}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    md5 = {name: _md5(content) for name, content in files.items()}
    monkeypatch.setattr(kind, "tgz_md5", _md5(archive.read_bytes()))
    monkeypatch.setattr(kind, "train_list", [["train", md5["train"]]])
    monkeypatch.setattr(kind, "test_list", [["test", md5["test"]]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5["meta"]})
    return arrays


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
