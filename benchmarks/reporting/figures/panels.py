"""Small multiples: a panel a method, on as many pages as they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.reporting.figures.lazily import Lazily
from benchmarks.reporting.figures.looks import COLUMN, PAGE, PAGE_HEIGHT, name

_TITLE_SIZE = 6.5
_SIGN_WIDTH = 0.62 * _TITLE_SIZE / 72
"""Inches of an average sign of a title."""


class Page(NamedTuple):
    """A page of panels: the axes of each label on it."""

    figure: Figure
    axes: dict[str, Axes]


def pages(
    labels: Sequence[str], height: float, columns: int, around: float = 0.8
) -> Sequence[Page]:
    """A panel for each label, `columns` to a row of the page's width, its name above it.

    `height`: inches of a panel without its name; `around`: of what is above or below all panels.
    A page is no higher than `PAGE_HEIGHT`, and pages have about as many rows each. The panels of
    a page share their axes. A page is made when it is read.
    """
    columns = min(columns, len(labels))
    width = page_width(columns)
    signs = int((width - 0.6) / columns / _SIGN_WIDTH)
    titles = {label: name(label, signs) for label in labels}
    height += 0.11 * (max(title.count("\n") for title in titles.values()) + 1)
    rows = -(-len(labels) // columns)
    count = -(-rows // max(int((PAGE_HEIGHT - around) / height), 1))
    per_page = -(-rows // count) * columns
    parts = [labels[start : start + per_page] for start in range(0, len(labels), per_page)]
    return Lazily(lambda part: _page(titles, part, (columns, width, height, around)), parts)


def page_width(columns: int) -> float:
    """Inches of so many panels side by side: a column of print, one and a half, or the page."""
    return min(COLUMN * (1 + columns) / 2, PAGE)


def _page(
    titles: dict[str, str], labels: Sequence[str], size: tuple[int, float, float, float]
) -> Page:
    columns, width, height, around = size
    rows = -(-len(labels) // columns)
    figure = Figure(figsize=(width, around + rows * height))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    used = dict(zip(labels, grid.flat, strict=False))
    for number, axes in enumerate(grid.flat):
        if number >= len(labels):
            axes.remove()
        elif number + columns >= len(labels):
            # The last panel of a column numbers its axis, wherever the column ends.
            axes.tick_params(labelbottom=True)
    for label, axes in used.items():
        axes.set_title(titles[label], fontsize=_TITLE_SIZE, pad=3, parse_math=False)
    return Page(figure, used)


def numbered(stem: str, figures: Sequence[Figure]) -> Iterator[tuple[str, Figure]]:
    """``matrices``, ``matrices-2``: the pages of one figure by name."""
    for number, figure in enumerate(figures, 1):
        yield stem if number == 1 else f"{stem}-{number}", figure


def task_ticks(tasks: int) -> list[int]:
    """The tasks to number on an axis: some five, the first or round ones."""
    step = next((step for step in (1, 2, 5, 10, 20, 50) if tasks <= 6 * step), 100)
    return list(range(step, tasks + 1, step))


def axis_names(page: Page, x: str, y: str) -> None:
    """Name the axes that all panels of a page share."""
    page.figure.supxlabel(x, fontsize=rcParams["axes.labelsize"])
    page.figure.supylabel(y, fontsize=rcParams["axes.labelsize"])
