"""What all figures share: their printed sizes, the looks of the methods, names, signs of a legend.

Figures use the object interface of matplotlib and the style in force, and change no global state.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict, TypeVar

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.typing import ColorType

from benchmarks.records import RunRecord
from benchmarks.reporting.evaluated import not_the_test

COLUMN, PAGE, PAGE_HEIGHT = 3.4, 7.0, 9.5
"""Printed sizes in inches: one column, the text of a two-column page, and its height."""

BOUND = "0.45"
"""The grey of upper bounds, against which no continual learner is ranked."""

BOUND_MARKER, BOUND_SIZE = "*", 6.5
"""Their shape, which no ranked method has: in print their grey is like any other."""

LEVEL = (0, (8, 2))
"""The dashes of a method that trained once, on all tasks, and is a level."""

INK = "0.3"

TOGETHER = 7
"""Lines up to which a panel is shared: with more, no legend tells them apart in grey."""

BAND = 0.15
"""Opacity of a band of one standard deviation."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1, 1), (5, 1.5, 1, 1.5))

T = TypeVar("T")

Runs = dict[str, list[RunRecord]]
"""The finished runs of each method, in table order."""


class LineStyle(TypedDict):
    """How a method's line looks."""

    color: str
    marker: str
    linestyle: tuple[int, tuple[float, ...]]


def line_styles(strategies: Mapping[str, str]) -> dict[str, LineStyle]:
    """A colour for each strategy, a marker and dash for each label, from {label: strategy}.

    Colours that the colour-blind tell apart (Okabe & Ito 2008), without their yellow, which
    vanishes on paper. Where they run out, and in grey, marker and dash distinguish the lines.
    """
    colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
    families = list(dict.fromkeys(strategies.values()))
    return {
        label: {
            "color": colours[families.index(strategy) % len(colours)],
            "marker": _MARKERS[number % len(_MARKERS)],
            "linestyle": (0, _DASHES[number % len(_DASHES)]),
        }
        for number, (label, strategy) in enumerate(strategies.items())
    }


def name(label: str, width: int) -> str:
    """The label in lines of `width` signs: labels that name a spec difference are long."""
    return textwrap.fill(label.replace("strategy_args.", ""), width)


def on_images(runs: Iterable[list[RunRecord]]) -> str:
    """A second line for the name of an axis; empty where these runs were evaluated on the test."""
    other = not_the_test(*runs)
    return f"\non {other}images" if other else ""


def acc_name(runs: Iterable[list[RunRecord]]) -> str:
    """ACC as an axis names it, with the images where they are not those of the test."""
    return f"Average accuracy, ACC (%){on_images(runs)}"


def accuracy_name(runs: Runs) -> str:
    """``Test accuracy``, or on which other images these runs were evaluated."""
    return f"{not_the_test(*runs.values()) or 'test '}accuracy".capitalize()


def balanced(items: Sequence[T], most: int) -> list[Sequence[T]]:
    """The items in order, in as few parts of at most so many as will do, about as many in each."""
    parts = -(-len(items) // most)
    size = -(-len(items) // parts) if parts else 1
    return [items[start : start + size] for start in range(0, len(items), size)]


def legend_columns(labels: Iterable[str], width: float) -> int:
    """How many entries of these names stand beside each other in so many inches."""
    longest = max((len(line) for label in labels for line in label.split("\n")), default=1)
    # A sign of 7 points, and a handle with its gaps.
    return max(int(width / (0.062 * longest + 0.6)), 1)


def sign(
    label: str,
    edge: ColorType,
    face: ColorType,
    marker: str = "o",
    *,
    line: ColorType | None = None,
    size: float | None = None,
) -> Line2D:
    """A marker for a legend, on a line where `line` has a colour."""
    return Line2D(
        [],
        [],
        color=line or edge,
        linestyle="-" if line else "none",
        marker=marker,
        markersize=size,
        markeredgecolor=edge,
        markerfacecolor=face,
        label=label,
    )


def band_sign() -> Patch:
    """A band of one standard deviation, for a legend."""
    return Patch(facecolor=INK, alpha=2 * BAND, linewidth=0, label="std over seeds")


def freeze(figure: Figure) -> None:
    """Lay the figure out once and for all: what is placed by its pixels stays where it is.

    The layout takes most of the time of drawing, and each file would repeat it.
    """
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.execute(figure)
        figure.set_layout_engine("none")


def frozen(figure: Figure) -> Figure:
    """The figure itself, after `freeze`."""
    freeze(figure)
    return figure
