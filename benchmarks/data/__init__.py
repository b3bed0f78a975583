"""Data sets on disk: found, checked, and kept as uint8 arrays that every worker maps.

`cifar100` gives the arrays of a data set; `import_folder`, `verify` and `listing` are the
commands of ``python -m benchmarks data``. Adding a data set: a module with a `DataSet`, and
a line in `DATASETS`.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.data.cache import Arrays, data_folder
from benchmarks.data.cifar import CIFAR100
from benchmarks.data.datasets import DataSet
from benchmarks.data.manage import Status, import_into, list_all, verify_all

__all__ = [
    "DATASETS",
    "Arrays",
    "DataSet",
    "Status",
    "cifar100",
    "data_folder",
    "import_folder",
    "listing",
    "verify",
]

DATASETS: dict[str, DataSet] = {CIFAR100.name: CIFAR100}


def cifar100(data_dir: Path | None = None) -> Arrays:
    """CIFAR-100, all of it: from the cache, else from files or the network into the cache.

    Raises `BadInput` naming the files, the folder and the command when it cannot be had.
    """
    return CIFAR100.load(data_folder(data_dir))


def import_folder(source: Path, data_dir: Path | None = None) -> list[Status]:
    """Put every data set found in ``source`` into the cache; says what was skipped and why.

    Raises `BadInput` for a folder without any, and for arrays with the wrong hash.
    """
    return import_into(data_folder(data_dir), source, DATASETS)


def verify(data_dir: Path | None = None) -> list[Status]:
    """Hash every cached array in full and compare; one status a data set in the cache."""
    return verify_all(data_folder(data_dir), DATASETS)


def listing(data_dir: Path | None = None) -> list[Status]:
    """What is in the cache, and how to get what is not; one status a known data set."""
    return list_all(data_folder(data_dir), DATASETS)
