"""Run time and memory along each axis, with the exponents fitted to them. Needs no torch."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from benchmarks.reporting.figures.looks import PAGE, LineStyle, line_styles
from benchmarks.speed.scale_file import Scale
from benchmarks.speed.scale_fit import Fit
from benchmarks.speed.scale_sizes import (
    AXES,
    FITTED_FROM,
    METHODS,
    QUANTITIES,
    AxisName,
    Quantity,
    bears,
    quantities,
)

ROW, MARGINS = 1.6, 0.75
"""Heights in inches."""
NARROW = 30
"""Highest over lowest y below which powers of ten are too few ticks."""
MOST_MARKERS = 10
"""On one line."""


def figure(scale: Scale) -> Figure:
    """A column an axis, a row a quantity, both logarithmic; the fitted lines are dashed."""
    measured = {point.axis for point in scale.points}
    axes_names = [name for name in AXES if name in measured]
    rows = max(len(quantities(name)) for name in axes_names)
    drawn = Figure(figsize=(PAGE, ROW * rows + MARGINS))
    grid = drawn.subplots(rows, len(axes_names), sharex="col", squeeze=False)
    looks = line_styles({label: label for label in METHODS.values()})
    for column, name in enumerate(axes_names):
        for axes, quantity in zip(grid[:, column], quantities(name), strict=True):
            _panel(axes, scale, name, quantity, looks)
        grid[-1, column].set_xlabel(AXES[name])
    handles = [
        Line2D([], [], color=look["color"], marker=look["marker"], label=label)
        for label, look in looks.items()
    ]
    handles.append(Line2D([], [], color="0.4", linestyle="--", linewidth=0.9, label="c x\u1d43"))
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return drawn


def _panel(
    axes: Axes, scale: Scale, name: AxisName, quantity: Quantity, looks: dict[str, LineStyle]
) -> None:
    keys = []
    for method, label in METHODS.items():
        xs, ys = scale.course(name, quantity, method)
        if not xs or not bears(method, quantity):
            continue
        look = looks[label]
        axes.plot(
            xs,
            ys,
            color=look["color"],
            marker=look["marker"],
            markersize=3.2,
            markevery=_markers(xs),
            linewidth=0.9,
            markeredgecolor="white",
            markeredgewidth=0.4,
        )
        fit = scale.fits.get(f"{name}/{quantity}/{method}")
        if fit is not None:
            _fitted(axes, fit, xs, name, look["color"])
            keys.append(_key(fit, look))
    axes.set_title(f"{QUANTITIES[quantity]} ({'B' if quantity == 'state_bytes' else 's'})")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_ticks(scale, name)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    if high < NARROW * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    # Room above the lines for the exponents.
    axes.set_ylim(low, high * (high / low) ** 0.35)
    axes.legend(
        handles=keys,
        loc="upper left",
        ncols=2,
        fontsize=6,
        handlelength=1.4,
        handletextpad=0.4,
        columnspacing=0.8,
        borderaxespad=0.1,
        labelspacing=0.2,
    )


def _fitted(axes: Axes, fit: Fit, xs: list[int], name: AxisName, colour: str) -> None:
    first = max(xs[0], FITTED_FROM) if name == "tasks" else xs[0]
    ends = np.array([first, xs[-1]], dtype=float)
    axes.plot(
        ends, fit.factor * ends**fit.exponent, color=colour, linestyle="--", linewidth=0.9, zorder=1
    )


def _key(fit: Fit, look: LineStyle) -> Line2D:
    half = (fit.high - fit.low) / 2
    value = f"{fit.exponent:.2f}".replace("-", "\N{MINUS SIGN}")
    label = f"a = {value} \N{PLUS-MINUS SIGN} {half:.2f}"
    return Line2D([], [], color=look["color"], marker=look["marker"], markersize=3.2, label=label)


def _markers(xs: list[int]) -> list[int]:
    """Positions of points that are about as far from each other on a logarithmic axis."""
    if len(xs) <= MOST_MARKERS:
        return list(range(len(xs)))
    wanted = np.geomspace(xs[0], xs[-1], MOST_MARKERS)
    return sorted({min(range(len(xs)), key=lambda i: abs(math.log(xs[i] / w))) for w in wanted})


def _ticks(scale: Scale, name: AxisName) -> list[int]:
    xs = sorted({p.x for p in scale.points if p.axis == name})
    if len(xs) <= MOST_MARKERS:
        return xs
    return [x for x in (1, 2, 5, 10, 20, 50, 100, 200, 500) if x <= xs[-1]]
