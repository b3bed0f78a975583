"""Tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from benchmarks.reporting.cells import NOISE, Cell, Table, heading
from benchmarks.reporting.registry import METRICS


def render(table: Table) -> str:
    """The table, its 95 % intervals and its notes."""
    shown = table.shown
    parts = [
        f"# {escape(table.caption)}",
        rows_grid(["Strategy", "n", *(_arrow(name) for name in shown)], table.means),
    ]
    intervals = table.intervals(shown)
    if intervals:
        headings = ["Strategy", "n", *(heading(metric) for metric in shown.values())]
        parts += [f"{table.intervals_title}:", rows_grid(headings, intervals)]
    return "\n\n".join([*parts, bullets(table.notes)]) + "\n"


def rows_grid(headings: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]]) -> str:
    """A pipe table of a label and its cells a row."""
    return grid(headings, [[escape(label), *map(cell, cells)] for label, cells in rows])


def grid(headings: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> str:
    """A pipe table of cells that are Markdown already; the first `names` columns hold text."""
    align = ["left" if column < names else "right" for column in range(len(headings))]
    return tabulate(rows, headings, tablefmt="pipe", colalign=align, disable_numparse=True)


def bullets(notes: Sequence[str]) -> str:
    """Notes as a list; a note that begins with a dash belongs to the one before."""
    return "\n".join(
        f"  - {escape(note[2:])}" if note.startswith("- ") else f"- {escape(note)}"
        for note in notes
    )


def escape(text: str) -> str:
    """Text that Markdown shows as it is, in a table cell too; `code` stays code."""
    pieces = re.split(r"(`[^`|<\n]+`)", " ".join(text.split()))
    return "".join(
        piece if number % 2 else _escape_prose(piece) for number, piece in enumerate(pieces)
    )


def _escape_prose(text: str) -> str:
    text = re.sub(r"[\\|*`$]", r"\\\g<0>", text).replace("&", "&amp;").replace("<", "&lt;")
    # Underscores inside a word (adam_nscl) are literal as they stand.
    outer = r"(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])"
    return re.sub(outer, lambda match: match[0].replace("_", r"\_"), text)


def _arrow(name: str) -> str:
    metric = METRICS[name]
    if metric.unit != "%":
        return heading(metric)
    return f"{heading(metric)} {'↑' if metric.higher_is_better else '↓'}"


def cell(shown: Cell) -> str:
    """A cell with its mark, the letter of its footnote and the sign of noise."""
    marked = {"best": f"**{shown.text}**", "second": f"<u>{shown.text}</u>", "": shown.text}
    raised = shown.footnote + NOISE * shown.is_within_noise
    return marked[shown.mark] + (f"<sup>{raised}</sup>" if raised else "")
