"""Tiny stand-ins for the four files of MNIST and its like."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cifar_files import Raw, md5

from benchmarks import data
from benchmarks.data.idx import FILES, Digests
from benchmarks.data.mnist import FASHION_FILES, MNIST_FILES, IdxFiles

N = {"train": 20, "test": 10}


def make_idx(folder: Path, seed: int, *, packed: bool = True) -> Raw:
    """Write the four files to ``folder``, gzipped or not; returns the arrays they hold."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    arrays: Raw = {}
    for split, n in N.items():
        arrays[f"{split}_x"] = generator.integers(0, 256, (n, 28, 28, 1), dtype=np.uint8)
        arrays[f"{split}_y"] = np.arange(n) % 10
    for name, file in FILES.items():
        array = arrays[name]
        shape = array.shape[:3] if name.endswith("x") else array.shape
        head = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
        content = head + array.astype(np.uint8).tobytes()
        if packed:
            (folder / f"{file}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / file).write_bytes(content)
    return arrays


def known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str = "http://nowhere.invalid/"
) -> dict[str, Raw]:
    """Make the arrays of seed 0 pass for MNIST, and those of seed 1 for Fashion-MNIST.

    Both are found on the web at ``url`` and the data set's name.
    """
    releases, arrays = {}, {}
    for seed, files in enumerate((MNIST_FILES, FASHION_FILES)):
        folder = tmp_path / f"known {seed}"
        arrays[files.name] = make_idx(folder, seed)
        packed = {name: (folder / f"{file}.gz").read_bytes() for name, file in FILES.items()}
        releases[files.name] = {
            "torchvision": {
                name: Digests(md5(content), md5(gzip.decompress(content)))
                for name, content in packed.items()
            }
        }
    for files, other in ((MNIST_FILES, FASHION_FILES), (FASHION_FILES, MNIST_FILES)):
        fake: IdxFiles = replace(
            files,
            mirrors=(f"{url}{files.name}/",),
            releases=releases[files.name],
            namesakes={other.title: releases[other.name]["torchvision"]},
        )
        monkeypatch.setitem(data.DATASETS, files.name, fake.data_set())
    return arrays
