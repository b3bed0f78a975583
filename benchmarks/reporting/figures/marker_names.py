"""The names of the methods, written beside their markers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation

from benchmarks.reporting.figures.label_places import Array, Scene, gaps, nearest, place
from benchmarks.reporting.figures.looks import name

_SIZE = 6.5
WIDEST = 26
"""Signs in a line of a name."""

MOST_NAMED = 40
"""Names for which a page has room: of more methods the best alone are named."""

_MARKER_RADIUS = 3.2
"""Points from the middle of a marker to its edge, with a little room."""

_CLEARLY = 1.3
"""How many times further than its own marker another is from a name that needs no line."""

_AROUND = (1.5, 0.4)
"""Points left free left and right of a name, and below and above: two names are not one."""


class Named(NamedTuple):
    """A marker that wants its name."""

    label: str
    value: str
    """Goes behind the label."""
    x: float
    y: float
    """In the units of the axes."""
    is_bold: bool
    color: str


def write_names(
    figure: Figure, axes: Axes, named: Sequence[Named], nameless: Sequence[Named] = ()
) -> None:
    """Write every name where it covers no other, with a line to a marker that is further off.

    So has a name that stands not much nearer to its own marker than to another. Where there is no
    such place, names cover each other as seldom as can be. `nameless`: markers that go without. The
    layout must be final; the lines that `axes` has already are avoided where there is room.
    """
    if not named:
        return
    per_point = figure.dpi / 72
    texts = [_text(axes, one) for one in named]
    written = np.array([text.get_window_extent().size for text in texts])
    sizes = written + 2 * np.array(_AROUND) * per_point
    centres = axes.transData.transform([(one.x, one.y) for one in (*named, *nameless)])
    radius = _MARKER_RADIUS * per_point
    inside = axes.get_window_extent()
    scene = Scene(
        (inside.x0, inside.y0 + per_point, inside.x1, inside.y1),
        np.hstack([centres - radius, centres + radius]),
        _along_lines(axes, per_point),
    )
    line_height = _SIZE * 1.2 * per_point
    corners = place(sizes, line_height, scene)
    boxes = np.hstack([corners, corners + sizes])
    distances = gaps(boxes, scene.markers)
    for i, (one, text) in enumerate(zip(named, texts, strict=True)):
        text.set_position(tuple((corners[i] - centres[i]) / per_point + _AROUND))
        others = np.delete(distances[i], i).min(initial=np.inf)
        if distances[i, i] > min(0.9 * line_height, others / _CLEARLY):
            ends = [centres[i], nearest(boxes[i], centres[i])]
            x, y = axes.transData.inverted().transform(ends).T
            axes.plot(x, y, color="0.6", linewidth=0.4, zorder=1.2, gid=f"leader {one.label}")


def _text(axes: Axes, marked: Named) -> Annotation:
    text = axes.annotate(
        name(marked.label, WIDEST) + marked.value,
        (marked.x, marked.y),
        (0, 0),
        textcoords="offset points",
        va="bottom",
        fontsize=_SIZE,
        fontweight="bold" if marked.is_bold else "normal",
        color=marked.color,
        parse_math=False,
        annotation_clip=False,
        zorder=5,
    )
    text.set_path_effects([withStroke(linewidth=1.2, foreground="white")])
    return text


def _along_lines(axes: Axes, per_point: float) -> Array:
    """Points along all lines of the axes, four points (of print) apart."""
    found = [np.empty((0, 2))]
    for line in axes.lines:
        path = line.get_transform().transform(line.get_xydata())
        if line.get_drawstyle() == "steps-post":
            path = np.repeat(path, 2, axis=0)
            path = np.column_stack([path[1:, 0], path[:-1, 1]])
        for start, end in itertools.pairwise(path):
            count = int(np.hypot(*(end - start)) / (4 * per_point)) + 2
            found.append(np.linspace(start, end, count))
    return np.vstack(found)
