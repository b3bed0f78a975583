"""How many runs a report has, and how many of the folder's sweeps have not ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from benchmarks.expected import expected
from benchmarks.reporting.collect import Collection


@dataclass(frozen=True)
class Progress:
    """Runs by stream and status, and those that have no record yet."""

    streams: dict[str, Counter[str]]
    """Finished, failed, diverged and running; methods under ``methods``."""
    total: Counter[str]
    begun: int
    """Runs in progress or interrupted: `status` tells which."""
    missing: int
    """Runs that a sweep on this folder has not begun."""

    @property
    def is_over(self) -> bool:
        """Whether no run is known that has not ended."""
        return not self.begun and not self.missing


def progress(collection: Collection) -> Progress:
    """Counts of a results folder, also while a sweep is filling it."""
    streams: dict[str, Counter[str]] = {}
    for stream in sorted({*collection.streams, *collection.running}):
        own = collection.of_stream(stream) if collection.records else None
        counts: Counter[str] = Counter() if own is None else Counter(own["status"].tolist())
        counts["methods"] = 0 if own is None else int(own["label"].nunique())
        counts["running"] = collection.running[stream]
        streams[stream] = counts
    ended = collection.records.keys()
    work = {folder.name for folder in (collection.out / "work").glob("*") if folder.is_dir()}
    begun = work - ended
    return Progress(
        streams,
        sum(streams.values(), Counter[str]()),
        max(len(begun), collection.running.total()),
        len(expected(collection.out).keys() - ended - begun),
    )
