"""notMNIST (Bulatov 2011): the letters A to J in many fonts, grey, ten classes.

The papers' file is ``notmnist.zip`` of github.com/nkundiushuti/notmnist_convert: two pickles with
notMNIST_small, resized to 32 x 32 there. Nobody publishes a checksum of it, so none is checked:
it is read by `benchmarks.data.pickles`, and its sha256 is kept in the manifest. The images of
the other sources are 28 x 28, as in the original.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.data import archives, checks, image_folders
from benchmarks.data.datasets import DataSet, Found, RawArrays, Remote
from benchmarks.data.messages import BadFile
from benchmarks.data.packed import read_arrays
from benchmarks.data.pickles import entry, read_pickle

CLASSES = 10
ZIP = "notmnist.zip"
PICKLES = {"train": "notmnist_train.pkl", "test": "notmnist_test.pkl"}

NPZ_SHA256 = "ade6f491af6128cb5fed7bdb352a0360139c413bedd321d3724b2966131e6bb2"
NPZ_ARRAYS_SHA256: Mapping[str, str] = {
    "train_x": "348bcc0b02f978ab975b9abda5c0f302c8a7e661fd28a3ee7726a7092f529377",
    "train_y": "fd8c1747454546ca37bfb990686538d6e64b8ea1e578c801906cbeeb5e85814c",
    "test_x": "3b75486b4abeacf05186873ccc2ff456554f5da94b40df34d1d2d5884c73bc9e",
    "test_y": "499a44b0915dfacf4efcca554a7b7982882bda28b1ae7b4f01d4c593ebc32b58",
}
"""From the README.md of shared/data."""


def _find(folder: Path) -> list[Found]:
    archive, npz, pictures = folder / ZIP, folder / "notmnist.npz", folder / "notmnist"
    found: list[Found] = []
    halves: list[Found] = []
    if archive.is_file():
        found.append(Found("pickles", archive, partial(_read_zip, archive), (archive,)))
    for place in (pictures, folder):
        files = tuple(place / name for name in PICKLES.values())
        present = [file for file in files if file.is_file()]
        if present:
            pair = Found("pickles", present[0], partial(_read_pickles, place), files)
            (halves if len(present) == 1 else found).append(pair)
    if image_folders.lies_in(pictures):
        read = partial(image_folders.read_images, pictures, classes=CLASSES, size=28, mode="L")
        found.append(Found("images", pictures, read))
    if npz.is_file():
        read_npz = partial(read_arrays, npz, NPZ_SHA256, NPZ_ARRAYS_SHA256)
        found.append(Found("subset", npz, read_npz, (npz,)))
    return found + halves


def _read_zip(archive: Path) -> RawArrays:
    contents = archives.zip_members(archive, PICKLES.values())
    return _decode({split: contents[name] for split, name in PICKLES.items()}, str(archive))


def _read_pickles(folder: Path) -> RawArrays:
    contents = {split: (folder / name).read_bytes() for split, name in PICKLES.items()}
    return _decode(contents, str(folder))


def _decode(contents: Mapping[str, bytes], origin: str) -> RawArrays:
    arrays: dict[str, NDArray[Any]] = {}
    for split, content in contents.items():
        where = f"{origin}: {PICKLES[split]}"
        loaded = read_pickle(content, where)
        x = checks.stack(entry(loaded, "features", where), where)
        if x.ndim == 4 and x.shape[1] == 1:
            x = x.transpose(0, 2, 3, 1)
        x = checks.images(x, where, (28, 28, 1), (32, 32, 1))
        y = checks.labels(entry(loaded, "labels", where), where, n=len(x), classes=CLASSES)
        arrays |= {f"{split}_x": x, f"{split}_y": y}
    sizes = [arrays[f"{split}_x"].shape[1:3] for split in PICKLES]
    if sizes[0] != sizes[1]:
        raise BadFile(
            f"{origin}: images of {sizes[0]} pixels in train and of {sizes[1]} in test: one of the "
            f"two is of another release"
        )
    return arrays


NOTMNIST = DataSet(
    name="notmnist",
    title="notMNIST",
    files=f"{ZIP}, notmnist/{{train,test}}/<letter>/*.png or notmnist.npz",
    find=_find,
    remotes=(
        Remote(
            ZIP,
            (
                "https://github.com/nkundiushuti/notmnist_convert/raw/master/notmnist.zip",
                "https://raw.githubusercontent.com/nkundiushuti/notmnist_convert/master/notmnist.zip",
            ),
        ),
    ),
    sizes=None,
)
