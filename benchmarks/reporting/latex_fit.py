"""The size in which a table fits a page of LaTeX's class article, from widths known beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

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

_LEAST = 40.0
"""Points that a column of words has where nothing fits."""

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


@lru_cache(maxsize=4096)
def width(text: str) -> float:
    """About the width of a text in \\footnotesize, points; rather too wide than too narrow."""
    return sum(_WIDTH_OF.get(sign, _CAPITAL if sign.isupper() else _OTHER) for sign in text)


def fit(texts: Sequence[Sequence[str]], numbers: Sequence[float]) -> Fit:
    """The largest size in which the columns fit a line, and the rows a page if a legible one does.

    ``texts``: the columns of words, heading first, which may be broken; ``numbers``: the widths of
    the others in \\footnotesize.
    """
    narrowest = sum(map(_narrowest, texts))
    between = len(texts) + len(numbers) - 1
    left = {
        size: LINE - sum(numbers) * size.scale - 2 * size.separation * between for size in SIZES
    }
    wide_enough = [size for size in SIZES if narrowest * size.scale <= left[size]]
    if not wide_enough:
        return _set(SIZES[-1], texts, max(left[SIZES[-1]], _LEAST * len(texts)))
    largest = _set(wide_enough[0], texts, left[wide_enough[0]])
    for size in wide_enough:
        found = _set(size, texts, left[size])
        if size.baseline >= _LEGIBLE and sum(found.heights) <= ROWS:
            return found
    return largest


def _narrowest(column: Sequence[str]) -> float:
    return max(
        width(piece) for text in column for word in text.split() for piece in pieces(word, 0)
    )


def _set(size: Size, texts: Sequence[Sequence[str]], left: float) -> Fit:
    """The table in that size, its texts in `left` points."""
    widths = [[width(text) * size.scale for text in column] for column in texts]
    natural = list(map(max, widths))
    rows = range(1, len(texts[0]))
    if sum(natural) <= left:
        return Fit(size, ["l"] * len(texts), False, [size.baseline for _ in rows])
    given = [left * each / sum(natural) for each in natural]
    formats = [rf"p{{{math.floor(points / LINE * 100) / 100}\linewidth}}" for points in given]
    lines = [
        max(
            math.ceil(1.15 * column[row] / points)
            for column, points in zip(widths, given, strict=True)
        )
        for row in rows
    ]
    return Fit(size, formats, True, [size.baseline * count for count in lines])
