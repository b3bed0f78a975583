"""A search for hyper-parameters as it is stored, and what its runs have come to."""

from __future__ import annotations

import shlex
from pathlib import Path

from pydantic import ValidationError

from benchmarks.errors import BadInput
from benchmarks.integrity import decode
from benchmarks.records import DamagedRecord, RunRecord, first_fault, record_path, write_atomically
from benchmarks.reporting.metrics import Undefined, average_accuracy
from benchmarks.reporting.search_parts import Configuration, Method, Status, Stored
from benchmarks.reporting.stats import summarise

FOLDER = "tuning"
"""Below a results folder: the search, its runs and its table."""

_DIGITS = 6
"""Of a mean, percent: those of an accuracy in a record. Sums may differ beyond them by rounding."""


class Search(Stored):
    """A whole search; `read_search` gives it with the numbers of the runs that there are."""

    spec: str
    """Path of the tuned spec as it was given."""
    overrides: list[str]
    """``key=value`` of the command line."""
    stream: str
    keep: list[str]
    """The ``protocol.keep`` of its runs, each once."""
    budget: int
    seeds: list[int]
    methods: list[Method]

    @property
    def missing(self) -> int:
        """Configurations without all of their runs."""
        return sum(c.status == "missing" for m in self.methods for c in m.configurations)

    def command(self, out: Path) -> str:
        """What makes it again, or goes on with it."""
        given = [word for override in self.overrides for word in ("--set", override)]
        return shlex.join(["python", "-m", "benchmarks", "tune", self.spec, "--out", str(out)]) + (
            f" {shlex.join(given)}" if given else ""
        )

    def as_json(self) -> bytes:
        """The bytes of its file."""
        return (self.model_dump_json(indent=1) + "\n").encode()

    def write(self, out: Path) -> Path:
        """Write ``out/tuning/search.json``, whole or not at all."""
        path = search_path(out)
        write_atomically(path, self.as_json())
        return path


def search_path(out: Path) -> Path:
    """Where the search of a results folder is stored."""
    return out / FOLDER / "search.json"


def read_search(out: Path) -> Search | None:
    """The search stored below ``out``, its numbers those of the records that lie there now; None
    where there was none. Raises `BadInput` for a file that no search has written."""
    path = search_path(out)
    if not path.exists():
        return None
    try:
        stored = path.read_bytes()
        decode(stored)
        search = Search.model_validate_json(stored)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); make it readable") from error
    except ValueError as error:
        what = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise BadInput(
            f"{path}: no search as `tune` writes it ({what}); remove it, and start `tune` again"
        ) from error
    return measured(search, out)


def measured(search: Search, out: Path) -> Search:
    """The search with what its runs below ``out/tuning/runs`` have come to, and with winners if
    no run is missing: `winner` of each method."""
    found = search.model_copy(
        update={
            "methods": [
                method.model_copy(
                    update={
                        "configurations": [
                            _with_numbers(configuration, method.strategy, search.stream, out)
                            for configuration in method.configurations
                        ],
                        "winner": None,
                    }
                )
                for method in search.methods
            ]
        }
    )
    if found.missing:
        return found
    decided = [m.model_copy(update={"winner": winner(m)}) for m in found.methods]
    return found.model_copy(update={"methods": decided})


def winner(method: Method) -> int | None:
    """Place of the ranked configuration with the highest mean, the first of those in grid order;
    or None."""
    tried = ((place, method.configurations[place]) for place in method.in_grid_order)
    means = {
        place: configuration.mean
        for place, configuration in tried
        if configuration.status == "ranked" and configuration.mean is not None
    }
    return max(means, key=lambda place: means[place], default=None)


def _with_numbers(
    configuration: Configuration, strategy: str, stream: str, out: Path
) -> Configuration:
    statuses: set[Status] = set()
    accuracies = []
    for run in configuration.runs:
        status, accuracy = _result(record_path(out / FOLDER, stream, strategy, run))
        statuses.add(status)
        if accuracy is not None:
            accuracies.append(accuracy)
    worst: tuple[Status, ...] = ("missing", "failed", "diverged", "ranked")
    summary = summarise(accuracies) if accuracies else None
    return configuration.model_copy(
        update={
            "status": next(status for status in worst if status in statuses),
            "n": len(accuracies),
            "mean": summary and round(summary.mean, _DIGITS),
            "std": summary and summary.std,
        }
    )


def _result(path: Path) -> tuple[Status, float | None]:
    """How a run ended, and its ACC; a damaged record counts for none, for a sweep repeats it."""
    try:
        record = RunRecord.read(path)
    except DamagedRecord:
        return "missing", None
    if record.status == "finished":
        accuracy = average_accuracy(record.accuracy_matrix)
        return ("failed", None) if isinstance(accuracy, Undefined) else ("ranked", accuracy)
    return ("missing" if record.status == "running" else record.status), None
