"""The table of one stream as plain text, before any markup."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.reporting.numbers import NOTHING, interval, interval_methods
from benchmarks.reporting.order import UPPER_BOUNDS
from benchmarks.reporting.registry import METRICS, Metric, Place, metrics_of
from benchmarks.reporting.stats import Summary

NOISE = "\N{DAGGER}"
"""Stands behind what is within the noise of the best of its column."""


@dataclass(frozen=True)
class Cell:
    """What one method scores in one metric, over seeds."""

    text: str
    summary: Summary | None = None
    """None where the metric is undefined for every run of the row."""
    footnote: str = ""
    """The letter under which the notes say why a number is missing."""
    mark: Literal["", "best", "second"] = ""
    is_within_noise: bool = False
    """Whether the best of the column may be better by chance alone, see `marks.mark`."""


@dataclass(frozen=True)
class Row:
    """One method (one spec, over seeds), or its failed runs."""

    label: str
    strategy: str
    n: int
    """Finished runs."""
    cells: dict[str, Cell]
    """A cell for every metric of the stream, see `metrics_of`."""
    broken: Mapping[str, int] = field(default_factory=dict)
    """Of a row with finished runs: how many others of its label ended as ``failed``, ``diverged``.
    """


@dataclass(frozen=True)
class Table:
    """All methods on one stream."""

    stream: str
    caption: str
    rows: list[Row]
    notes: list[str]
    """Lines under the table, footnotes first."""
    places: tuple[Place, ...] = ("headline", "table")
    """Which metrics are its columns."""

    @property
    def shown(self) -> dict[str, Metric]:
        """The metrics of its columns, in order."""
        return metrics_of(self.stream, *self.places)

    @property
    def means(self) -> list[tuple[str, list[Cell]]]:
        """The label, n and shown cells of every row."""
        return [
            (row.label, [Cell(str(row.n)), *(row.cells[name] for name in self.shown)])
            for row in self.rows
        ]

    def intervals(self, names: Iterable[str]) -> list[tuple[str, list[Cell]]]:
        """The label, n and 95 % intervals of these metrics, of the rows that have any."""
        shown = {name: METRICS[name] for name in names}
        return [
            (
                row.label,
                [Cell(str(row.n)), *(_interval(row.cells[n], m) for n, m in shown.items())],
            )
            for row in self.rows
            if row.n > 1
        ]

    @property
    def intervals_title(self) -> str:
        """What the intervals are, and by which method."""
        shown = [row.cells[name].summary for row in self.rows for name in self.shown]
        methods = interval_methods(summary for summary in shown if summary is not None)
        return f"95 % interval of the mean over runs ({methods}, not cut at 0 or 100 %)"

    @property
    def headline(self) -> dict[str, Metric]:
        """The metrics of the terminal, in order."""
        return metrics_of(self.stream, "headline")


def heading(metric: Metric) -> str:
    """Column heading: label, unit where the cells do not carry it."""
    return f"{metric.label} (%)" if metric.unit == "%" else metric.label


def _interval(cell: Cell, metric: Metric) -> Cell:
    text = NOTHING if cell.summary is None else interval(cell.summary, metric.unit)
    return Cell(text, cell.summary)


def labelled(rows: Sequence[Sequence[str]]) -> list[tuple[str, list[Cell]]]:
    """Rows of text as labels, their first column, with cells."""
    return [(label, [Cell(text) for text in texts]) for label, *texts in rows]


def is_ranked(row: Row) -> bool:
    """Whether a row competes for the marks: it has runs, none of them broke, and it is no upper
    bound. The seeds that a method survives may be the easy ones."""
    return row.n > 0 and not row.broken and row.strategy not in UPPER_BOUNDS


def footnote_letter(number: int) -> str:
    """``a`` for 0, ``b`` for 1, ...; without ``n``; after ``z`` come ``aa``, ``bb``, ..."""
    times, place = divmod(number, len(_LETTERS))
    return _LETTERS[place] * (times + 1)


# Beside the footnotes stands the note on the column n.
_LETTERS = string.ascii_lowercase.replace("n", "")
