"""Import, verify and list: what ``python -m benchmarks data`` does to the cache."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data.cache import Arrays, NotCached, check_hashes, locked, read, store
from benchmarks.data.datasets import DataSet, Found
from benchmarks.errors import BadInput


@dataclass(frozen=True)
class Status:
    """What was found or done with one data set."""

    name: str
    ok: bool
    """Imported now or before / intact / in the cache."""
    detail: str
    """One line."""


def import_into(data: Path, source: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """Import all known data sets that ``source`` holds into the cache folder ``data``."""
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; give the folder that holds the data sets")
    report: list[Status] = []
    used: set[Path] = set()
    for dataset in datasets.values():
        found = dataset.find(source)
        used.update(one.path for one in found)
        report += [_import_one(data / dataset.name, one) for one in found[:1]]
        report += [
            Status(one.path.name, False, f"skipped: {dataset.title} came from {found[0].path.name}")
            for one in found[1:]
        ]
    if not report:
        files = "; ".join(f"{dataset.title}: {dataset.files}" for dataset in datasets.values())
        raise BadInput(f"{source}: nothing to import in it; give the folder that holds {files}")
    return [*report, *_not_understood(source, used)]


def _import_one(folder: Path, found: Found) -> Status:
    with locked(folder):
        try:
            cached = check_hashes(folder)
        except NotCached:
            started = time.perf_counter()
            arrays = store(folder, found.source, found.read())
            seconds = time.perf_counter() - started
            return Status(
                folder.name, True, f"imported {describe(arrays)} to {folder} in {seconds:.1f} s"
            )
    return Status(
        folder.name,
        True,
        f"skipped: {folder} already holds {describe(cached)}, intact; delete it to import anew",
    )


def _not_understood(source: Path, used: set[Path]) -> Iterator[Status]:
    for path in sorted(source.glob("[!.]*")):
        if path not in used and (path.is_dir() or path.suffix in {".npz", ".gz", ".zip"}):
            yield Status(path.name, False, "skipped: no data set that this version reads")


def verify_all(data: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """Check every byte of the data sets that have a folder in the cache."""
    return [_verify_one(data / name) for name in datasets if (data / name).exists()]


def _verify_one(folder: Path) -> Status:
    try:
        return Status(folder.name, True, f"intact: {describe(check_hashes(folder))}")
    except NotCached as error:
        command = f"python -m benchmarks data import FOLDER --data {folder.parent}"
        return Status(folder.name, False, f"{error}; '{command}' replaces it")


def list_all(data: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """What is cached and how to get the rest; hashes are not checked."""
    report = []
    for name, dataset in datasets.items():
        try:
            report.append(Status(name, True, describe(read(data / name))))
        except NotCached as error:
            report.append(Status(name, False, f"not cached ({error}); {dataset.how_to_get(data)}"))
    return report


def describe(arrays: Arrays) -> str:
    """Size, source and hash of a data set in half a line."""
    size = sum(getattr(arrays, name).nbytes for name in ("train_x", "test_x"))
    return (
        f"{len(arrays.train_y):,} + {len(arrays.test_y):,} images ({size / 1e6:.0f} MB, from "
        f"{arrays.source}, hash {arrays.data_hash[:12]})"
    )
