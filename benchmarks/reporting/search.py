"""A search for hyper-parameters as it is stored, and what its runs have come to."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Self

from pydantic import ValidationError, model_validator

from benchmarks.errors import BadInput
from benchmarks.integrity import decode
from benchmarks.records import DamagedRecord, RunRecord, first_fault, record_path, write_atomically
from benchmarks.reporting.metrics import Undefined, average_accuracy
from benchmarks.reporting.search_parts import Configuration, Method, Status, Stored
from benchmarks.reporting.search_proof import contradiction
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

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for method in self.methods:
            number, due = len(method.configurations), min(self.budget, method.there_are)
            if number != due:
                raise ValueError(f"{method.strategy} has {number} configurations for {due}")
            if any(len(c.runs) != len(self.seeds) for c in method.configurations):
                raise ValueError(f"{method.strategy} has not one run a seed")
        return self

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
    no run is missing: `winner` of each method.

    The records are what counts: raises `BadInput` where one denies what the search says of it.
    """
    found = search.model_copy(
        update={
            "methods": [
                method.model_copy(
                    update={
                        "configurations": [
                            _with_numbers(configuration, method.strategy, search, out)
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
    configuration: Configuration, strategy: str, search: Search, out: Path
) -> Configuration:
    statuses: set[Status] = set()
    accuracies = []
    said = {"stream": search.stream, "strategy": strategy, "evaluate_on": "valid"}
    for seed, run in zip(search.seeds, configuration.runs, strict=True):
        record = _record(record_path(out / FOLDER, search.stream, strategy, run))
        wrong = record and contradiction(configuration, said | {"seed": seed}, record.spec)
        if wrong:
            path = search_path(out)
            raise BadInput(
                f"{path}: it says of run {run} of {strategy} that {wrong}; `rm {path}`, and "
                f"`{search.command(out)}` writes it again"
            )
        status, accuracy = _result(record)
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


def _record(path: Path) -> RunRecord | None:
    """A stored run; a damaged one counts for none, for a sweep repeats it."""
    try:
        return RunRecord.read(path)
    except DamagedRecord:
        return None


def _result(record: RunRecord | None) -> tuple[Status, float | None]:
    """How a run ended, and its ACC."""
    if record is None or record.status == "running":
        return "missing", None
    if record.status != "finished":
        return record.status, None
    accuracy = average_accuracy(record.accuracy_matrix)
    return ("failed", None) if isinstance(accuracy, Undefined) else ("ranked", accuracy)
