"""The records of a sweep's runs as they come, also those that another sweep writes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from benchmarks.records import DamagedRecord, RunRecord, record_path
from benchmarks.spec import RunSpec


class NewRecords:
    """Tells which of ``specs`` have a record that was not there when this was made.

    A run that is retried has an old record until it ends.
    """

    def __init__(self, specs: Iterable[RunSpec], out: Path) -> None:
        self._paths = {
            spec.id: record_path(out, spec.stream, spec.strategy, spec.id) for spec in specs
        }
        self._known = {run: _version(path) for run, path in self._paths.items()}

    def get(self, run: str) -> RunRecord | None:
        """The record that came since this was asked for last; None if there is none to read."""
        path = self._paths[run]
        version = _version(path)
        if version is None or version == self._known[run]:
            return None
        self._known[run] = version
        with suppress(DamagedRecord):
            return RunRecord.read(path)
        return None


def _version(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns
    return None
