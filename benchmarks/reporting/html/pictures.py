"""The figures of a stream that a page has room for, and what it leaves out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure

from benchmarks.reporting.collect import Collection
from benchmarks.reporting.figures.looks import LineStyle
from benchmarks.reporting.figures.plots import STYLE, absent, stream_figures
from benchmarks.reporting.html.captions import said_of
from benchmarks.reporting.html.images import data_uri

ROOM = 1_800_000
"""Bytes that the figures of all streams may take, so that a report can be sent by mail."""

MOST_PAGES = 2
"""Pages of one figure: of more methods than they hold, no reader looks at each."""

_FIRST = ("accuracy", "plane", "pareto", "matrices", "bars", "ablation", "layers")
"""What a reader misses most, first."""


@dataclass(frozen=True)
class Picture:
    """A page of a figure."""

    name: str
    page: int
    title: str
    said: str
    """What is drawn: the caption, and what those hear who do not see it."""
    uri: str
    """The image itself, as a ``data:`` address."""
    width: float
    """Inches in print."""


@dataclass(frozen=True)
class Gallery:
    """The pictures of a stream."""

    pictures: list[Picture]
    notes: list[str]
    """Methods that no figure shows, and figures that were left out."""

    @property
    def size(self) -> int:
        """Bytes on the page."""
        return sum(len(picture.uri) for picture in self.pictures)


def gallery(
    collection: Collection, stream: str, looks: dict[str, LineStyle], room: int = ROOM
) -> Gallery:
    """The figures of one stream, those of `plots`, in at most `room` bytes.

    At most `MOST_PAGES` of each; the first pages of all of them before any second. Those after the
    first that does not fit are counted and not drawn. The same runs give the same bytes.
    """
    # As an image a figure has ids of its own; inlined, those of two figures would be the same.
    with matplotlib.style.context([STYLE, {"svg.fonttype": "path", "svg.hashsalt": "report"}]):
        drawable = stream_figures(collection, stream, looks)
        figures = {name: drawable[name] for name in sorted(drawable, key=_rank)}
        taken = list(_that_fit(figures, room))
    pictures = sorted(taken, key=lambda picture: (list(figures).index(picture.name), picture.page))
    notes = absent(collection, stream) if figures else []
    return Gallery(pictures, notes + _left_out(collection, figures, pictures))


def _rank(name: str) -> int:
    return _FIRST.index(name.partition("-")[0])


def _that_fit(figures: Mapping[str, Sequence[Figure]], room: int) -> Iterator[Picture]:
    for page in range(1, MOST_PAGES + 1):
        for name, pages in figures.items():
            if page > len(pages):
                continue
            figure = pages[page - 1]
            picture = Picture(
                name, page, *said_of(name, page), data_uri(figure), float(figure.get_figwidth())
            )
            room -= len(picture.uri)
            if room < 0:
                return
            yield picture


def _left_out(
    collection: Collection, figures: Mapping[str, Sequence[Figure]], taken: Sequence[Picture]
) -> list[str]:
    """A line that names the pages which are not shown, and says how to draw them."""
    missing = {
        name: len(pages) - sum(picture.name == name for picture in taken)
        for name, pages in figures.items()
    }
    named = [f"{said_of(name)[0]} ({count})" for name, count in missing.items() if count]
    if not named:
        return []
    count = sum(missing.values())
    command = shlex.join(["python", "-m", "benchmarks", "plots", str(collection.out)])
    pages = f"{count} further page{'s' if count > 1 else ''}"
    where = f"`{command}` draws them into `{collection.out / 'figures'}`"
    return [f"{pages}: {where}. Left out here: {', '.join(named)}."]
