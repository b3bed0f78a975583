"""Fetch, import, verify and list: what ``python -m benchmarks data`` does to the cache."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data.cache import MANIFEST, Arrays, NotCached, check_hashes, read, store
from benchmarks.data.datasets import DataSet, Found
from benchmarks.data.locks import locked
from benchmarks.errors import BadInput


@dataclass(frozen=True)
class Status:
    """What was found or done with one data set."""

    name: str
    ok: bool
    """Imported now or before / intact / in the cache."""
    detail: str
    """One line."""


def fetch_all(data: Path, datasets: Iterable[DataSet]) -> Iterator[Status]:
    """Bring data sets into the cache, from files in ``data`` or the network; goes on after one
    that cannot be had."""
    for dataset in datasets:
        try:
            arrays = dataset.load(data)
            yield Status(
                dataset.name, True, f"{data / dataset.name} holds {_describe(arrays, dataset)}"
            )
        except BadInput as error:
            yield Status(dataset.name, False, str(error))


def import_into(data: Path, source: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """Import all known data sets that ``source`` holds into the cache folder ``data``."""
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; give the folder that holds the data sets")
    report: list[Status] = []
    used: set[Path] = set()
    for dataset in datasets.values():
        found = dataset.find(source)
        used.update(source / one.path.relative_to(source).parts[0] for one in found)
        report += [_import_one(data / dataset.name, dataset, one) for one in found[:1]]
        report += [
            Status(one.path.name, False, f"skipped: {dataset.title} came from {found[0].path.name}")
            for one in found[1:]
        ]
    if not report:
        files = "; ".join(f"{dataset.title}: {dataset.files}" for dataset in datasets.values())
        raise BadInput(f"{source}: nothing to import in it; give the folder that holds {files}")
    return [*report, *_not_understood(source, used)]


def _import_one(folder: Path, dataset: DataSet, found: Found) -> Status:
    with locked(folder):
        try:
            cached = check_hashes(folder)
        except NotCached:
            started = time.perf_counter()
            arrays = store(folder, found.source, found.read(), found.files)
            seconds = time.perf_counter() - started
            done = f"imported {_describe(arrays, dataset)} to {folder} in {seconds:.1f} s"
            return Status(dataset.name, True, done)
    kept = f"skipped: {folder} already holds {_describe(cached, dataset)}, intact"
    return Status(dataset.name, True, f"{kept}; delete it to import anew")


def _not_understood(source: Path, used: set[Path]) -> Iterator[Status]:
    for path in sorted(source.glob("[!.]*")):
        if path not in used and (path.is_dir() or path.suffix in {".npz", ".gz", ".zip"}):
            yield Status(path.name, False, "skipped: no data set that this version reads")


def verify_all(data: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """Check every byte of the data sets that have a folder in the cache."""
    return [
        _verify_one(data, dataset)
        for name, dataset in datasets.items()
        if (data / name / MANIFEST).exists()
    ]


def _verify_one(data: Path, dataset: DataSet) -> Status:
    try:
        arrays = check_hashes(data / dataset.name)
        return Status(dataset.name, True, f"intact: {_describe(arrays, dataset)}")
    except NotCached as error:
        command = f"python -m benchmarks data import FOLDER --data {data}"
        return Status(dataset.name, False, f"{error}; '{command}' replaces it")


def list_all(data: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """What is cached and how to get the rest; hashes are not checked."""
    report = []
    for name, dataset in datasets.items():
        try:
            report.append(Status(name, True, _describe(read(data / name), dataset)))
        except NotCached as error:
            fetch = f"run 'python -m benchmarks data fetch {name} --data {shlex.quote(str(data))}'"
            way = dataset.by_hand or fetch
            ways = f"{way}; {dataset.how_to_get(data)}"
            report.append(Status(name, False, f"not cached ({error}); {ways}"))
    return report


def _describe(arrays: Arrays, dataset: DataSet) -> str:
    """Size, shape, source and hash of a data set, and whether it is all of it."""
    size = sum(getattr(arrays, name).nbytes for name in ("train_x", "test_x"))
    counts = (len(arrays.train_y), len(arrays.test_y))
    shape = " x ".join(map(str, arrays.train_x.shape[1:]))
    part = ""
    if dataset.sizes and counts != dataset.sizes:
        part = "; a part of its {:,} + {:,}".format(*dataset.sizes)
    return (
        f"{counts[0]:,} + {counts[1]:,} images of {shape} ({size / 1e6:.0f} MB, from "
        f"{arrays.source}, hash {arrays.data_hash[:12]}{part})"
    )
