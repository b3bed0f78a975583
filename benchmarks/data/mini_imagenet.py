"""miniImageNet (Vinyals et al. 2016): 84 x 84 colour images of 100 classes, 500 + 100 a class.

The papers' files are ``train.pkl`` and ``test.pkl`` that TRGP shares on Google Drive: dictionaries
with ``images`` and ``labels``. Nobody publishes a checksum of them, so none is checked: they
are read by `benchmarks.data.pickles`, and their sha256 is kept in the manifest. Google Drive
puts a page for people before files of this size, so they are placed by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.data import checks, image_folders
from benchmarks.data.datasets import DataSet, Found, RawArrays, Remote
from benchmarks.data.packed import read_jpegs
from benchmarks.data.pickles import entry, read_pickle

CLASSES, SIZE = 100, 84
FOLDERS = ("miniimagenet", "MiniImageNet")
"""As TRGP's loader calls it, and as that of NESS does."""

NPZ_SHA256 = "4b20ad283e86522e3d5a650a72d0af43b9eba8e2e52fcfb137098d76fdccb707"
NPZ_ARRAYS_SHA256: Mapping[str, str] = {
    "train_x": "35c1718f0dd0a9b2c51bafacb31ba6f37e1a596b65d965913929d30d7bf70160",
    "train_y": "59aacbc6aa1e7299f1130ab329a426eba99759dd5cc75587da34d49a23d75351",
    "test_x": "3a02cbfba48acdcc4fe871609c4d5d27bcf280541d8fcb7bc56e0d15a13e6ef7",
    "test_y": "cec834f8a9947e887688834468adc0d2e61fd3e2fa2aaab646c1582f115ef0b7",
}
"""From the README.md of shared/data."""


def _find(folder: Path) -> list[Found]:
    found: list[Found] = []
    halves: list[Found] = []
    for place in (folder / name for name in FOLDERS):
        files = (place / "train.pkl", place / "test.pkl")
        present = [file for file in files if file.is_file()]
        if present:
            pair = Found("pickles", place, partial(_read_pickles, place), files)
            (halves if len(present) == 1 else found).append(pair)
        if image_folders.lies_in(place):
            read = partial(image_folders.read_images, place, classes=CLASSES, size=SIZE, mode="RGB")
            found.append(Found("images", place, read))
    npz = folder / "miniimagenet.npz"
    if npz.is_file():
        read_npz = partial(read_jpegs, npz, NPZ_SHA256, NPZ_ARRAYS_SHA256, SIZE)
        found.append(Found("subset", npz, read_npz, (npz,)))
    return found + halves


def _read_pickles(folder: Path) -> RawArrays:
    arrays: dict[str, NDArray[Any]] = {}
    paths = {split: folder / f"{split}.pkl" for split in ("train", "test")}
    for path in paths.values():
        path.stat()  # one that is missing is said before the other, of a gigabyte, is read
    for split, path in paths.items():
        where = str(path)
        loaded = read_pickle(path.read_bytes(), where)
        x = checks.stack(entry(loaded, "images", where), where)
        x = checks.images(x, where, (SIZE, SIZE, 3))
        y = checks.labels(entry(loaded, "labels", where), where, n=len(x), classes=CLASSES)
        arrays |= {f"{split}_x": x, f"{split}_y": y}
    return arrays


MINIIMAGENET = DataSet(
    name="miniimagenet",
    title="miniImageNet",
    files=(
        "miniimagenet/{train,test}.pkl, miniimagenet/{train,test}/<class>/*.jpg or miniimagenet.npz"
    ),
    find=_find,
    remotes=(
        Remote(
            "miniimagenet/train.pkl",
            ("https://drive.google.com/file/d/1fm6TcKIwELbuoEOOdvxq72TtUlZlvGIm/view",),
        ),
        Remote(
            "miniimagenet/test.pkl",
            ("https://drive.google.com/file/d/1RA-MluRWM4fqxG9HQbQBBVVjDddYPCri/view",),
        ),
    ),
    sizes=(50_000, 10_000),
    by_hand="Google Drive gives them to a browser alone",
)
