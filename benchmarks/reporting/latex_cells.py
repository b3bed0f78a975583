"""Headings and numbers of a table as LaTeX, and how wide they are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from benchmarks.reporting.cells import Cell
from benchmarks.reporting.latex_fit import width
from benchmarks.reporting.latex_text import escape

_MARKUP = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}", "": "{}"}

_SPREAD = re.compile(r"(\S+) \N{PLUS-MINUS SIGN} (\S+)(.*)")

_MINUS = re.compile(r"(?<!\w)-(?=\d)")

_SMALL, _BOLD = 0.86, 1.12
"""Widths of subscripts and of bold print beside those of the print they stand in."""

_SCRIPTSPACE = 0.5
"""Points that TeX leaves behind a subscript."""

_BREAK = r"\\"


def as_heading(title: str, room: float) -> str:
    """A heading in lines that are no wider than `room`, see `column_width`, where words allow."""
    if title == "n":
        return "$n$"
    lines = [escape(line) for line in _lines(title, room)]
    return rf"\shortstack[r]{{{_BREAK.join(lines)}}}" if lines[1:] else lines[0]


def column_width(title: str, cells: Iterable[Cell]) -> float:
    """The widest cell or word of the heading in \\footnotesize, points."""
    return max(*map(width, title.split(" ")), *map(_cell_width, cells), 0.0)


def as_cell(cell: Cell) -> str:
    """The number with its mark, its spread in small print, and what is raised behind it."""
    number, spread, unit = _parts(cell)
    shown = _MARKUP[cell.mark].format(_MINUS.sub("$-$", escape(number)))
    shown += rf"$_{{\pm {spread}}}$" * bool(spread) + escape(unit)
    raised = (
        rf"\mathrm{{{cell.footnote}}}" * bool(cell.footnote) + r"\dagger" * cell.is_within_noise
    )
    # Of no width, or numbers with it and without would not stand below each other.
    return shown + rf"\rlap{{$^{{{raised}}}$}}" * bool(raised)


def _cell_width(cell: Cell) -> float:
    number, spread, unit = _parts(cell)
    number = _MINUS.sub("+", number)  # as wide as a minus, which a hyphen is not
    below = _SMALL * width(f"+{spread}") + _SCRIPTSPACE if spread else 0.0
    return (_BOLD if cell.mark == "best" else 1) * width(number) + below + width(unit)


def _parts(cell: Cell) -> tuple[str, str, str]:
    """``1.4``, ``0.2`` and `` MiB`` of ``1.4 +- 0.2 MiB``."""
    found = _SPREAD.fullmatch(cell.text)
    return (found[1], found[2], found[3]) if found else (cell.text, "", "")


def _lines(title: str, room: float) -> list[str]:
    lines: list[str] = []
    for word in title.split(" "):
        if lines and width(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
