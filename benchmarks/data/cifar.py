"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 50,000 + 10,000 colour images of 32 x 32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import checks, mosaics
from benchmarks.data.archives import tar_members
from benchmarks.data.datasets import DataSet, Found, RawArrays, Remote
from benchmarks.data.pickles import entry, read_pickle
from benchmarks.errors import BadInput


@dataclass(frozen=True)
class CifarFiles:
    """Where the files of one of these data sets lie, and what they must be."""

    name: str
    title: str
    classes: int
    archive: Remote
    folder: str
    """In the archive, and unpacked."""
    batches: Mapping[str, Mapping[str, str]]
    """The md5 of the pickles of each split, by file name."""
    label_key: str
    """Of the labels in a pickle."""
    mosaic_sha256: Mapping[str, str]

    def find(self, folder: Path) -> list[Found]:
        unpacked, archive = folder / self.folder, folder / self.archive.path
        place = folder / self.name
        found = []
        if unpacked.is_dir():
            found.append(Found("torchvision", unpacked, partial(self._read_unpacked, unpacked)))
        if archive.is_file():
            read = partial(self._read_archive, archive)
            found.append(Found("torchvision", archive, read, (archive,)))
        if mosaics.lies_in(place):
            found.append(Found("mosaics", place, partial(self._read_mosaics, place)))
        return found

    def _read_unpacked(self, folder: Path) -> RawArrays:
        contents = {}
        for name in (name for split in self.batches.values() for name in split):
            try:
                contents[name] = (folder / name).read_bytes()
            except OSError as error:
                raise BadInput(
                    f"{folder / name}: cannot be read ({error.strerror}); delete {folder} and "
                    f"unpack {self.archive.path} again"
                ) from error
        return self._decode(folder, contents)

    def _read_archive(self, archive: Path) -> RawArrays:
        assert self.archive.md5 is not None
        checks.require_digest(
            archive, "md5", self.archive.md5, f"delete it and get {self.archive.urls[0]} again"
        )
        names = [name for split in self.batches.values() for name in split]
        members = tar_members(archive, [f"{self.folder}/{name}" for name in names])
        return self._decode(archive, {name: members[f"{self.folder}/{name}"] for name in names})

    def _decode(self, origin: Path, contents: Mapping[str, bytes]) -> RawArrays:
        arrays = {}
        for split, batches in self.batches.items():
            loaded = [
                self._batch(f"{origin}: {name}", contents[name], known)
                for name, known in batches.items()
            ]
            for i, key in enumerate("xy"):
                arrays[f"{split}_{key}"] = np.concatenate([parts[i] for parts in loaded])
        return arrays

    def _batch(self, where: str, content: bytes, known: str) -> tuple[NDArray[Any], NDArray[Any]]:
        if (found := md5(content, usedforsecurity=False).hexdigest()) != known:
            raise BadInput(
                f"{where}: its md5 is {found}, not {known}; delete it and get {self.archive.path} "
                f"again"
            )
        loaded = read_pickle(content, where)
        rows = np.asarray(entry(loaded, "data", where))
        x = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return x, np.asarray(entry(loaded, self.label_key, where), dtype="<i8")

    def _read_mosaics(self, folder: Path) -> RawArrays:
        arrays = mosaics.read_mosaics(folder, classes=self.classes, size=32)
        checks.require_known(
            arrays,
            self.mosaic_sha256,
            f"{folder}/{{split}}/*.webp",
            "check the files with 'sha256sum -c SHA256SUMS' and copy them again",
        )
        return arrays

    def data_set(self) -> DataSet:
        return DataSet(
            name=self.name,
            title=self.title,
            files=f"{self.name}/{{train,test}}/*.webp or {self.archive.path}",
            find=self.find,
            remotes=(self.archive,),
            sizes=(50_000, 10_000),
        )


CIFAR10_FILES = CifarFiles(
    name="cifar10",
    title="CIFAR-10",
    classes=10,
    archive=Remote(
        "cifar-10-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        "c58f30108f718f92721af3b95e74349a",
    ),
    folder="cifar-10-batches-py",
    batches={
        "train": {
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        },
        "test": {"test_batch": "40351d587109b95175f43aff81a1287e"},
    },
    label_key="labels",
    mosaic_sha256={
        "train_x": "3e6790353c141b2018228dd92d45bba59a38642fc250ee75e5877fc873264420",
        "train_y": "b9c8cd044c53a09285f68690f4ee16f7a1be5609504cde9d49bfb11d1d41767d",
        "test_x": "0fff79643cbd97362d01bee12c02985127f77e7b0dd6d2644899605cd017d742",
        "test_y": "4e64a02568003d897e7b68ba22d98a34f324c87f72edef91cddc23d3c5cfeb56",
    },
)
CIFAR100_FILES = CifarFiles(
    name="cifar100",
    title="CIFAR-100",
    classes=100,
    archive=Remote(
        "cifar-100-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
        "eb9058c3a382ffc7106e4002c42a8d85",
    ),
    folder="cifar-100-python",
    batches={
        "train": {"train": "16019d7e3df5f24257cddd939b257f8d"},
        "test": {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
    },
    label_key="fine_labels",
    mosaic_sha256={
        "train_x": "2aa2e92a742ec0fbd361b0b1386394899dfac5a05c448330d3371fd9b63b3e87",
        "train_y": "ac1fc6f67f41e276cbeebcd46daa93fcb61bfea4800008f7ed155d60f08efe57",
        "test_x": "2716d826d85ee9ca7f948fb4dc3b3d7515225d1a436d1c4b7e6975855da3d9ee",
        "test_y": "840edb0b5a16e138e5af7a0da1306e00c737617170f8f50e6c8a97f901f72838",
    },
)
"""The checksums of the archives and pickles are torchvision's. ``mosaic_sha256`` is of the decoded
mosaics of shared/data, from its README.md: all of CIFAR-100 and a fifth of each class of CIFAR-10,
sorted by class and then by original file name; the original releases have another order."""
