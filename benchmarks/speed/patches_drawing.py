"""Angles and leak against the share of the windows, a line a layer. Needs no torch."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.reporting.figures.looks import PAGE, LineStyle, line_styles
from benchmarks.speed.drawing import write_figure
from benchmarks.speed.patches_file import Angles, Basis, Draw, Patches

LEAST_TOP = 4.0
"""Of every vertical axis, in degrees and percent: what is less is to look like little."""

Value = Callable[[Draw], float | None]

PANELS: tuple[tuple[str, Value], ...] = (
    ("Median angle of V (degrees)", lambda draw: _median(draw.free)),
    ("Median angle of C (degrees)", lambda draw: _median(draw.protected)),
    ("Leak (% of the inputs)", lambda draw: 100 * draw.leak),
)


def figure(found: Patches) -> Figure:
    """A row for each eps; a column for the angles of V, of C, and for the leak."""
    rows = list(dict.fromkeys(basis.eps for basis in found.bases))
    looks = line_styles({name: name for name in found.layers})
    drawn = Figure(figsize=(PAGE, 1.9 * len(rows) + 0.5))
    grid = drawn.subplots(len(rows), len(PANELS), sharex=True, squeeze=False)
    for eps, line in zip(rows, grid, strict=True):
        bases = [basis for basis in found.bases if basis.eps == eps]
        for axes, (title, value) in zip(line, PANELS, strict=True):
            for basis in bases:
                _draw(axes, basis, value, looks[basis.layer])
            axes.set_ylabel(title)
            axes.set_ylim(0, max(axes.get_ylim()[1], LEAST_TOP))
        line[0].set_title(f"eps = {eps:g}", loc="left")
        for basis in bases:
            line[-1].axhline(
                100 * basis.leak, color=looks[basis.layer]["color"], linewidth=0.6, zorder=1
            )
    shares = sorted({float(share) for basis in found.bases for share in basis.draws})
    for axes in grid[-1]:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(shares))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel("Share of the windows")
    handles = grid[0][0].get_lines()
    drawn.legend(
        handles=handles,
        labels=[
            f"{name} (d = {size.inputs}, {size.windows:,} windows)"
            for name, size in found.layers.items()
        ],
        loc="outside lower center",
        ncols=len(handles),
        title="Median over the draws, bars from least to most; thin levels: the exact basis",
        title_fontsize=7,
    )
    return drawn


def _median(angles: Angles | None) -> float | None:
    return None if angles is None else angles.median


def _draw(axes: Axes, basis: Basis, value: Value, look: LineStyle) -> None:
    shares, middles = [], []
    for share, draws in basis.draws.items():
        values = [each for each in map(value, draws) if each is not None]
        if values:
            shares.append(float(share))
            middles.append(statistics.median(values))
            axes.vlines(shares[-1], min(values), max(values), color=look["color"], linewidth=0.8)
    axes.plot(shares, middles, **look, markeredgecolor="white")


def write_figures(found: Patches, folder: Path) -> list[Path]:
    """Write ``folder/patches.png`` and ``.pdf``: the same numbers, the same bytes."""
    return write_figure(lambda: figure(found), folder, "patches")
