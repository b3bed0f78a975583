"""What a report says of the search for hyper-parameters, where there was one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.reporting import tuning
from benchmarks.reporting.cells import Cell, labelled
from benchmarks.reporting.search import read_search
from benchmarks.reporting.tuning_notes import notes

Rows = list[tuple[str, list[Cell]]]


@dataclass(frozen=True)
class TuningSection:
    """A search as tables."""

    caption: str
    methods: Rows
    configurations: Rows
    notes: list[str]


def tuning_section(out: Path) -> TuningSection | None:
    """The search stored below ``out``; None where there was none. Raises `BadInput` for a damaged
    one."""
    search = read_search(out)
    if search is None:
        return None
    return TuningSection(
        tuning.caption(search),
        labelled(tuning.rows(search)),
        labelled(tuning.configurations_of(search)),
        notes(search, out),
    )
