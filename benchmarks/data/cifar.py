"""CIFAR-100 (Krizhevsky 2009): 50,000 + 10,000 colour images of 32 x 32 in 100 classes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data.cache import NAMES, array_sha256
from benchmarks.data.datasets import DataSet, Found, RawArrays
from benchmarks.data.mosaics import read_mosaics
from benchmarks.data.torchvision_files import (
    download,
    read_archive,
    read_unpacked,
    require_reachable,
)
from benchmarks.errors import BadInput

CLASSES = 100

MOSAIC_SHA256: Mapping[str, str] = {
    "train_x": "2aa2e92a742ec0fbd361b0b1386394899dfac5a05c448330d3371fd9b63b3e87",
    "train_y": "ac1fc6f67f41e276cbeebcd46daa93fcb61bfea4800008f7ed155d60f08efe57",
    "test_x": "2716d826d85ee9ca7f948fb4dc3b3d7515225d1a436d1c4b7e6975855da3d9ee",
    "test_y": "840edb0b5a16e138e5af7a0da1306e00c737617170f8f50e6c8a97f901f72838",
}
"""Of the decoded mosaics, sorted by class and then by original file name: from the README.md
that comes with them (shared/data, "sha256"). Their source is cyizhuo/CIFAR-100-dataset,
commit b105b30e79972558f19db69658f34b9d0a9b009b. The original release has another order."""


def _torchvision_class() -> Any:
    from torchvision import datasets

    return datasets.CIFAR100


def _find(folder: Path) -> list[Found]:
    kind = _torchvision_class()
    unpacked, archive = folder / kind.base_folder, folder / kind.filename
    mosaics = folder / "cifar100"
    found = []
    if unpacked.is_dir():
        found.append(Found("torchvision", unpacked, partial(read_unpacked, kind, folder)))
    if archive.is_file():
        found.append(Found("torchvision", archive, partial(read_archive, kind, archive)))
    if any(mosaics.glob("t*/*.webp")):
        found.append(Found("mosaics", mosaics, partial(_read_mosaics, mosaics)))
    return found


def _remote(data: Path) -> Found:
    kind = _torchvision_class()
    require_reachable(kind.url)
    return Found("torchvision", Path(kind.filename), partial(download, kind, data))


def _read_mosaics(folder: Path) -> RawArrays:
    arrays = read_mosaics(folder, classes=CLASSES, size=32)
    for name in NAMES:
        if array_sha256(arrays[name]) != MOSAIC_SHA256[name]:
            raise BadInput(
                f"{folder / name.partition('_')[0]}/*.webp: the decoded {name} does not have the "
                f"sha256 {MOSAIC_SHA256[name][:12]}... of its README; check the files with "
                f"'sha256sum -c SHA256SUMS' and copy them again"
            )
    return arrays


CIFAR100 = DataSet(
    name="cifar100",
    title="CIFAR-100",
    files="cifar100/{train,test}/*.webp or cifar-100-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    find=_find,
    remote=_remote,
)
