"""The ratios as a figure: medians with their intervals, beside their goals. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.interruptions import writing
from benchmarks.records import write_atomically
from benchmarks.reporting.figures.figure_files import UNSTAMPED, figure_bytes
from benchmarks.reporting.figures.looks import PAGE
from benchmarks.reporting.figures.plots import STYLE
from benchmarks.speed.quantities import KINDS, NETS, Kind, Quantity
from benchmarks.speed.speed_file import Entry, Measured
from benchmarks.speed.table import ordered

BLUE, GREEN, RED = "#0072B2", "#009E73", "#D55E00"
"""Of Okabe & Ito: measured, goal, limit."""
TICKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.3, 2, 3, 5, 10)
ROW, MARGINS = 0.19, 0.75
"""Heights in inches."""

Rows = list[tuple[str, Quantity, str, Entry]]


def figure(measured: Measured) -> Figure:
    """A panel for each kind of ratio, a line for each ratio, on one logarithmic axis."""
    rows = ordered(measured)
    panels: dict[Kind, Rows] = {kind: [r for r in rows if r[1].kind == kind] for kind in KINDS}
    panels = {kind: chosen for kind, chosen in panels.items() if chosen}
    heights = [len(chosen) + 1 for chosen in panels.values()]
    drawn = Figure(figsize=(PAGE, ROW * sum(heights) + MARGINS))
    grid = drawn.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
    for axes, (kind, chosen) in zip(grid.flat, panels.items(), strict=True):
        _panel(axes, chosen)
        axes.set_title(KINDS[kind], loc="left")
    last = grid.flat[-1]
    last.set_xscale("log")
    last.xaxis.set_major_locator(FixedLocator(TICKS))
    last.xaxis.set_minor_locator(NullLocator())
    last.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    last.set_xlabel("Ratio of times (median, 95 % interval)")
    handles = [Line2D([], [], color=BLUE, marker="o", markersize=3.5, label="measured")]
    for colour, label in ((GREEN, "goal, at most"), (RED, "limit")):
        bar = Line2D([], [], color=colour, marker="|", linestyle="", markersize=9, label=label)
        bar.set_markeredgewidth(1.6)
        handles.append(bar)
    drawn.legend(handles=handles, loc="outside lower center", ncols=3)
    return drawn


def _panel(axes: Axes, rows: Rows) -> None:
    axes.axvline(1, color="0.6", linewidth=0.8, zorder=1)
    for at, (_, quantity, net, entry) in enumerate(rows):
        bound = quantity.bounds.get(net)
        if bound is not None:
            for value, colour in ((bound.goal, GREEN), (bound.limit, RED)):
                if value is not None:
                    axes.plot(value, at, "|", color=colour, markersize=9, markeredgewidth=1.6)
        axes.hlines(at, entry.low, entry.high, color=BLUE, linewidth=1.4, zorder=3)
        axes.plot(entry.median, at, "o", color=BLUE, markersize=3.5, zorder=4)
        ends = (entry.low, entry.high)
        axes.plot(ends, (at, at), "|", color=BLUE, markersize=4, markeredgewidth=1, zorder=3)
        axes.annotate(
            f"{entry.median:.2f}",
            (1, at),
            xycoords=axes.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axes.set_yticks(range(len(rows)), [f"{q.title}, {NETS[net]}" for _, q, net, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")


def write_figure(draw: Callable[[], Figure], folder: Path, stem: str) -> list[Path]:
    """Write ``folder/<stem>.png`` and ``.pdf`` of what is drawn: the same bytes for the same."""
    paths = []
    with matplotlib.style.context(STYLE):
        drawn = draw()
        for suffix in UNSTAMPED:
            path = folder / f"{stem}.{suffix}"
            with writing(path):
                write_atomically(path, figure_bytes(drawn, suffix))
            paths.append(path)
    return paths
