"""SVHN (Netzer et al. 2011), cropped digits: 73,257 + 26,032 colour images of 32 x 32."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.checks import require_digest
from benchmarks.data.datasets import DataSet, Found, RawArrays, Remote


@dataclass(frozen=True)
class SvhnFiles:
    """The two .mat files, as torchvision names, finds and checks them."""

    train: Remote
    test: Remote

    def find(self, folder: Path) -> list[Found]:
        # torchvision writes into its root; its users tend to give it a folder of its own.
        return [
            Found("torchvision", place / self.train.path, partial(self._read, place))
            for place in (folder, folder / "svhn", folder / "SVHN")
            if (place / self.train.path).is_file() or (place / self.test.path).is_file()
        ]

    def _read(self, folder: Path) -> RawArrays:
        arrays: dict[str, NDArray[Any]] = {}
        for split, remote in (("train", self.train), ("test", self.test)):
            path = folder / remote.path
            assert remote.md5 is not None
            require_digest(path, "md5", remote.md5, f"get it from {remote.urls[0]}")
            arrays |= {f"{split}_{key}": value for key, value in _read_mat(path).items()}
        return arrays

    def data_set(self) -> DataSet:
        return DataSet(
            name="svhn",
            title="SVHN",
            files=f"{self.train.path} and {self.test.path}",
            find=self.find,
            remotes=(self.train, self.test),
            sizes=(73_257, 26_032),
        )


def _read_mat(path: Path) -> RawArrays:
    from scipy.io import loadmat

    content = loadmat(path, variable_names=("X", "y"))
    y = content["y"].reshape(-1).astype("<i8")
    # The digit 0 has the label 10 there.
    return {
        "x": np.ascontiguousarray(content["X"].transpose(3, 0, 1, 2)),
        "y": np.where(y == 10, 0, y),
    }


SVHN_FILES = SvhnFiles(
    train=Remote(
        "train_32x32.mat",
        ("http://ufldl.stanford.edu/housenumbers/train_32x32.mat",),
        "e26dedcc434d2e4c54c9b2d4a06d8373",
    ),
    test=Remote(
        "test_32x32.mat",
        ("http://ufldl.stanford.edu/housenumbers/test_32x32.mat",),
        "eb5a983be6a315427106f1b164d9cef3",
    ),
)
