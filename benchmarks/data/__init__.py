"""Data sets on disk: found, checked, and kept as uint8 arrays that every worker maps.

`load` gives the arrays of a data set; `fetch`, `import_folder`, `verify` and `listing` are the
commands of ``python -m benchmarks data``. Adding a data set: a module with a `DataSet`, and
a line in `DATASETS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.data.cache import Arrays
from benchmarks.data.cifar import CIFAR10_FILES, CIFAR100_FILES
from benchmarks.data.datasets import DataSet
from benchmarks.data.folder import data_folder
from benchmarks.data.manage import Status, fetch_all, import_into, list_all, verify_all
from benchmarks.data.mini_imagenet import MINIIMAGENET
from benchmarks.data.mnist import FASHION_FILES, MNIST_FILES
from benchmarks.data.notmnist import NOTMNIST
from benchmarks.data.svhn import SVHN_FILES
from benchmarks.errors import BadInput, nearest

__all__ = [
    "DATASETS",
    "Arrays",
    "DataSet",
    "Status",
    "data_folder",
    "fetch",
    "import_folder",
    "listing",
    "load",
    "verify",
]

DATASETS: dict[str, DataSet] = {
    dataset.name: dataset
    for dataset in (
        CIFAR10_FILES.data_set(),
        CIFAR100_FILES.data_set(),
        MNIST_FILES.data_set(),
        FASHION_FILES.data_set(),
        SVHN_FILES.data_set(),
        NOTMNIST,
        MINIIMAGENET,
    )
}


def load(name: str, data_dir: Path | None = None) -> Arrays:
    """A data set: from the cache, else from files or the network into the cache.

    Images (N, H, W, C) uint8 with C = 1 for grey ones, labels (N,) int64 from 0. A class may
    have any number of images, and a subset may be what is there: sizes are in the arrays.
    notMNIST is 28 x 28 or, from the papers' own file, 32 x 32. Raises `BadInput` for an unknown
    name, and naming files, folder and address when the data set cannot be had.
    """
    return _named(name).load(data_folder(data_dir))


def fetch(names: Iterable[str], data_dir: Path | None = None) -> Iterator[Status]:
    """Bring data sets into the cache one after another, each said when it is there.

    Raises `BadInput` for an unknown name before anything is downloaded; one that cannot be had
    is a status.
    """
    return fetch_all(data_folder(data_dir), [_named(name) for name in names])


def _named(name: str) -> DataSet:
    if name not in DATASETS:
        raise BadInput(f"unknown data set {name!r}; {nearest(name, DATASETS)}")
    return DATASETS[name]


def import_folder(source: Path, data_dir: Path | None = None) -> list[Status]:
    """Put every data set found in ``source`` into the cache; says what was skipped and why.

    One that is damaged or incomplete is a status that is not ok. Raises `BadInput` for a
    folder without any, and where nothing can be written.
    """
    return import_into(data_folder(data_dir), source, DATASETS)


def verify(data_dir: Path | None = None) -> list[Status]:
    """Hash every cached array in full and compare; one status a data set in the cache.

    What an interrupted import left there is a status that is not ok. Raises `BadInput` for a
    data folder that does not exist.
    """
    return verify_all(data_folder(data_dir), DATASETS)


def listing(data_dir: Path | None = None) -> list[Status]:
    """What is in the cache, and how to get what is not; one status a known data set."""
    return list_all(data_folder(data_dir), DATASETS)
