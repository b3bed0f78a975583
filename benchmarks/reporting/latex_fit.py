"""The size in which a table fits a page of LaTeX's class article, from widths known beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.reporting.latex_text import pieces

LINE, PAGE = 345.0, 550.0
"""Width of a line and height of a page, points."""

ROWS = 0.8 * PAGE
"""Height that rows may take: the caption, the headings and the rules take the rest."""

_LEGIBLE = 8.0
"""Baseline down to which a table is made smaller so that it need not go on on the next page."""


@dataclass(frozen=True)
class Size:
    """A font size: its command, its widths beside those of \\footnotesize (subscripts do not
    shrink below 5 pt), and distances in points."""

    command: str
    scale: float
    baseline: float
    separation: float


SIZES = (
    Size(r"\footnotesize", 1.0, 9.5, 3.0),
    Size(r"\scriptsize", 0.94, 8.0, 3.0),
    Size(r"\scriptsize", 0.94, 8.0, 2.0),
    Size(r"\fontsize{6}{7}\selectfont", 0.91, 7.0, 2.0),
    Size(r"\tiny", 0.88, 6.0, 2.0),
)

_WIDTHS = (("ijl.,:;'|![]`", 2.4), ("ftr()-/ ", 3.3), ("mwMW%@=+\N{PLUS-MINUS SIGN}\N{EM DASH}", 7))
_CAPITAL, _OTHER = 6.2, 4.4
_WIDTH_OF = {sign: points for signs, points in _WIDTHS for sign in signs}


@dataclass(frozen=True)
class Fit:
    """How a table is set: its size, the formats of its text columns and the height of its rows."""

    size: Size
    texts: list[str]
    is_broken: bool
    """Whether texts may take several lines."""
    heights: list[float]
    """Of every row, points."""


def width(text: str) -> float:
    """About the width of a text in \\footnotesize, points; rather too wide than too narrow."""
    return sum(_WIDTH_OF.get(sign, _CAPITAL if sign.isupper() else _OTHER) for sign in text)


def fit(texts: Sequence[Sequence[str]], numbers: Sequence[float]) -> Fit:
    """The largest size in which the columns fit a line, and the rows a page if a legible one does.

    ``texts``: the columns of words, heading first, which may be broken; ``numbers``: the widths of
    the others in \\footnotesize.
    """
    fits = [found for size in SIZES if (found := _in_size(size, texts, numbers))]
    if not fits:
        return _forced(SIZES[-1], texts, numbers)
    on_a_page = (found for found in fits if sum(found.heights) <= ROWS)
    return next((found for found in on_a_page if found.size.baseline >= _LEGIBLE), fits[0])


def _in_size(size: Size, texts: Sequence[Sequence[str]], numbers: Sequence[float]) -> Fit | None:
    narrowest = sum(
        max(width(piece) for text in column for word in text.split() for piece in pieces(word, 0))
        for column in texts
    )
    if narrowest * size.scale > _left(size, texts, numbers):
        return None
    return _forced(size, texts, numbers)


def _forced(size: Size, texts: Sequence[Sequence[str]], numbers: Sequence[float]) -> Fit:
    left = max(_left(size, texts, numbers), 40.0 * len(texts))
    natural = [max(map(width, column)) * size.scale for column in texts]
    rows = len(texts[0]) - 1
    if sum(natural) <= left:
        return Fit(size, ["l"] * len(texts), False, [size.baseline] * rows)
    given = [left * each / sum(natural) for each in natural]
    formats = [rf"p{{{math.floor(points / LINE * 100) / 100}\linewidth}}" for points in given]
    lines = [
        max(
            math.ceil(1.15 * width(column[row]) * size.scale / points)
            for column, points in zip(texts, given, strict=True)
        )
        for row in range(1, rows + 1)
    ]
    return Fit(size, formats, True, [size.baseline * count for count in lines])


def _left(size: Size, texts: Sequence[Sequence[str]], numbers: Sequence[float]) -> float:
    columns = len(texts) + len(numbers)
    return LINE - sum(numbers) * size.scale - 2 * size.separation * (columns - 1)
