"""Fetch, import, verify and list: what ``python -m benchmarks data`` does to the cache."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data.cache import MANIFEST, Arrays, NotCached, check_hashes, read, store
from benchmarks.data.datasets import DataSet, Found, import_command
from benchmarks.data.locks import locked, writing
from benchmarks.errors import BadInput


@dataclass(frozen=True)
class Status:
    """What was found or done with one data set."""

    name: str
    ok: bool
    """Whether all is well with it: intact / in the cache / imported now or before. What an
    import has no use for is well too."""
    detail: str
    """One line."""


def fetch_all(data: Path, datasets: Iterable[DataSet]) -> Iterator[Status]:
    """Bring data sets into the cache, from files in ``data`` or the network, and hash them.

    Goes on after one that cannot be had or is damaged.
    """
    for dataset in datasets:
        folder = data / dataset.name
        try:
            dataset.load(data)
            arrays = check_hashes(folder)
            yield Status(dataset.name, True, f"{folder} holds {_describe(arrays, dataset)}")
        except BadInput as error:
            yield Status(dataset.name, False, str(error))
        except NotCached as error:
            yield _damaged(data, dataset, error)


def import_into(data: Path, source: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """Import all known data sets that ``source`` holds into the cache folder ``data``."""
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; give the folder that holds the data sets")
    all_found = {name: dataset.find(source) for name, dataset in datasets.items()}
    if not any(all_found.values()):
        files = "; ".join(f"{dataset.title}: {dataset.files}" for dataset in datasets.values())
        raise BadInput(f"{source}: nothing to import in it; give the folder that holds {files}")
    with writing(data):  # said once, and not of every data set
        data.mkdir(parents=True, exist_ok=True)
    report: list[Status] = []
    used: set[Path] = set()
    for name, found in all_found.items():
        used.update(source / one.path.relative_to(source).parts[0] for one in found)
        for one in found[:1]:
            try:
                report.append(_import_one(data / name, datasets[name], one))
            except BadInput as error:
                report.append(Status(name, False, str(error)))
        for one in found[1:]:
            taken = f"{datasets[name].title} is taken from {found[0].path.name}"
            report.append(Status(one.path.name, True, f"skipped: {taken}"))
    return [*report, *_not_understood(source, used)]


def _import_one(folder: Path, dataset: DataSet, found: Found) -> Status:
    with locked(folder):
        try:
            cached = check_hashes(folder)
        except NotCached:
            started = time.perf_counter()
            arrays = store(folder, found.source, dataset.read(found), found.files)
            seconds = time.perf_counter() - started
            done = f"imported {_describe(arrays, dataset)} to {folder} in {seconds:.1f} s"
            return Status(dataset.name, True, done)
    kept = f"skipped: {folder} already holds {_describe(cached, dataset)}, intact"
    return Status(dataset.name, True, f"{kept}; delete it to import anew")


def _not_understood(source: Path, used: set[Path]) -> Iterator[Status]:
    for path in sorted(source.glob("[!.]*")):
        if path not in used and (path.is_dir() or path.suffix in {".npz", ".gz", ".zip"}):
            yield Status(path.name, True, "skipped: no data set that this version reads")


def verify_all(data: Path, datasets: Mapping[str, DataSet]) -> list[Status]:
    """Check every byte of the data sets that have something in the cache, if only remains."""
    if not data.is_dir():
        raise BadInput(
            f"{data}: no such folder, so nothing is cached there; give the data folder with "
            f"--data DIR or NESS_DATA"
        )
    return [
        _verify_one(data, dataset)
        for name, dataset in datasets.items()
        # A process that was killed leaves arrays, whole or partial, and no manifest.
        if (data / name / MANIFEST).exists() or any((data / name).glob("*.npy*"))
    ]


def _verify_one(data: Path, dataset: DataSet) -> Status:
    try:
        arrays = check_hashes(data / dataset.name)
        return Status(dataset.name, True, f"intact: {_describe(arrays, dataset)}")
    except NotCached as error:
        return _damaged(data, dataset, error)


def _damaged(data: Path, dataset: DataSet, error: NotCached) -> Status:
    ways = f"delete {data / dataset.name} and fetch it again, or '{import_command(data)}'"
    return Status(dataset.name, False, f"{error}; {ways} replaces it")


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
