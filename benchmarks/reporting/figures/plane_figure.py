"""The stability-plasticity plane: what a method learns, and what it keeps of it."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from benchmarks.reporting.figures.axis_limits import fenced_limits
from benchmarks.reporting.figures.looks import (
    BOUND,
    BOUND_MARKER,
    BOUND_SIZE,
    COLUMN,
    INK,
    PAGE,
    LineStyle,
    Runs,
    freeze,
    legend_columns,
    name,
    on_images,
    sign,
)
from benchmarks.reporting.figures.marker_names import MOST_NAMED, WIDEST, Named, write_names
from benchmarks.reporting.figures.plane import Place, equal_acc, places, undominated
from benchmarks.reporting.stats import Summary

_GUIDE = "0.72"

MOST_BEST = 15
"""Names that find a place where the best methods crowd."""


def plane_figure(runs: Runs, looks: dict[str, LineStyle]) -> Figure | None:
    """Learning accuracy against BWT, means over seeds with one standard deviation each way.

    Faint lines join places of equal ACC, which grows to the upper right; upper bounds are grey. A
    method far off the others is drawn at the edge with its value. Of more than `MOST_NAMED` methods
    those alone are named that none dominates, up to `MOST_BEST`. None where no method has both.
    """
    placed = places(runs)
    if not placed:
        return None
    # Of long names fewer find a place.
    crowded = sum(name(place.label, WIDEST).count("\n") + 1 for place in placed) > 8
    figure = Figure(figsize=(PAGE, 4.6) if crowded else (COLUMN, 3.1))
    axes = figure.subplots()
    axes.grid(visible=False)
    axes.set_xlabel("Backward transfer, BWT (points): stability")
    axes.set_ylabel(f"Learning accuracy, LA (%): plasticity{on_images(runs.values())}")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlim(_limits([place.bwt for place in placed]))
    axes.set_ylim(_limits([place.learned for place in placed]))
    lengths = {len(runs[place.label][0].accuracy_matrix) for place in placed}
    guides = len(lengths) == 1 and _draw_guides(axes, lengths.pop())
    named = [_draw(axes, place, looks[place.label]) for place in placed]
    best = [place.label for place in undominated(placed)] if len(placed) > MOST_NAMED else []
    handles = _legend(placed, len(best), guides=guides)
    columns = legend_columns([str(x.get_label()) for x in handles], figure.get_figwidth())
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
    freeze(figure)
    chosen = best[:MOST_BEST] if len(placed) > MOST_NAMED else list(runs)
    write_names(
        figure,
        axes,
        [one for one in named if one.label in chosen],
        [one for one in named if one.label not in chosen],
    )
    return figure


def _limits(values: list[Summary]) -> tuple[float, float]:
    return fenced_limits([value.mean for value in values], [value.std or 0 for value in values])


def _draw_guides(axes: Axes, tasks: int) -> bool:
    """Lines of equal ACC, numbered where they leave the axes above or on the right."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    least = bottom + left * (tasks - 1) / tasks
    most = top + right * (tasks - 1) / tasks
    steps = MaxNLocator(9, steps=[1, 2, 5, 10]).tick_values(least, most)
    levels = [acc for acc in steps if least < acc < min(most, 100.001) and acc >= 0]
    axes.add_collection(
        LineCollection(
            [[(x, equal_acc(acc, x, tasks)) for x in (left, right)] for acc in levels],
            colors=_GUIDE,
            linewidths=0.5,
            linestyles=[(0, (1, 2))],
            zorder=1,
            gid="equal ACC",
        ),
        autolim=False,
    )
    prefix = "ACC "
    for acc in levels:
        at_right = equal_acc(acc, right, tasks)
        across = (acc - top) * tasks / (tasks - 1)
        if bottom < at_right < top:
            axes.annotate(f"{prefix}{acc:g}", (right, at_right), (2, 0), va="center", **_NUMBER)
        elif left < across < right:
            axes.annotate(f"{prefix}{acc:g}", (across, top), (0, 2), ha="center", **_NUMBER)
        else:
            continue
        prefix = ""
    return bool(levels)


_NUMBER: dict[str, Any] = {
    "textcoords": "offset points",
    "annotation_clip": False,
    "fontsize": 6,
    "color": "0.4",
    "gid": "acc",
}


def _draw(axes: Axes, place: Place, look: LineStyle) -> Named:
    colour = look["color"] if place.competes else BOUND
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    bwt, learned = place.bwt.mean, place.learned.mean
    # Half of a marker on the edge is as good as hidden behind the axis.
    x, y = max(bwt, left + 0.015 * (right - left)), max(learned, bottom + 0.02 * (top - bottom))
    value = f" \N{LEFTWARDS ARROW} {bwt:.1f}".replace("-", "\N{MINUS SIGN}") if x > bwt else ""
    value += f" \N{DOWNWARDS ARROW}{learned:.1f}" if y > learned else ""
    if place.bwt.std and not value:
        axes.plot([x - place.bwt.std, x + place.bwt.std], [y, y], color=colour, linewidth=0.6)
    if place.learned.std and not value:
        spread = place.learned.std
        axes.plot([x, x], [y - spread, y + spread], color=colour, linewidth=0.6)
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=look["marker"] if place.competes else BOUND_MARKER,
        markersize=None if place.competes else BOUND_SIZE,
        markeredgecolor=colour if not place.competes else "white",
        markerfacecolor=colour if place.competes else "white",
        markeredgewidth=0.8 if not place.competes else 0.5,
        zorder=3,
    )
    return Named(place.label, value, x, y, False, "black" if place.competes else BOUND)


def _legend(placed: list[Place], best: int, *, guides: bool) -> list[Line2D]:
    """`best`: how many would be named of too many, 0 where all are."""
    which = f"{MOST_BEST} of the {best} that are" if best > MOST_BEST else "if"
    unnamed = f", named {which} not dominated" if best else ""
    handles = [sign(f"method{unnamed}", INK, INK)]
    if not all(place.competes for place in placed):
        handles.append(sign("upper bound", BOUND, "white", BOUND_MARKER, size=BOUND_SIZE))
    if any(place.bwt.std or place.learned.std for place in placed):
        handles.append(sign("std over seeds", INK, INK, "+", size=9))
    if guides:
        dotted = (0, (1, 2))
        handles.append(
            Line2D([], [], color=_GUIDE, linestyle=dotted, linewidth=0.8, label="equal ACC")
        )
    return handles
