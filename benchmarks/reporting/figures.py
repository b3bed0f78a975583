"""The drawings: each takes the finished runs of one stream and returns a figure.

They use the object interface of matplotlib and the style in force, and change no global state.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from benchmarks.records import RunRecord
from benchmarks.reporting.evaluated import not_the_test
from benchmarks.reporting.metrics import accuracy_so_far

COLUMN, PAGE = 3.4, 7.0
"""Printed widths in inches: one column, and the text of a two-column page."""

LARGEST_ANNOTATED = 10
"""Tasks up to which the cells of a matrix carry their number."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1, 1), (5, 1.5, 1, 1.5))

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


def accuracy_figure(runs: Runs, looks: dict[str, LineStyle]) -> Figure:
    """Average accuracy A[i] on tasks 1..i against i: mean over seeds, band of one std.

    A method that trained on all tasks at once (`joint`) has A[T] alone: a horizontal line.
    """
    drawn = {label: _courses(records) for label, records in runs.items()}
    length = max(course.shape[1] for course in drawn.values())
    names = {label: _name(label, 46) for label in drawn}
    longest = max(map(len, drawn))
    columns = 3 if longest <= 10 else 2 if longest <= 18 else 1
    lines = sum(name.count("\n") + 1 for name in names.values()) / columns
    figure = Figure(figsize=(COLUMN, 2.6 + 0.15 * np.ceil(lines)))
    axes = figure.subplots()
    handles = []
    for label, courses in drawn.items():
        line = _draw_course(axes, courses, looks[label])
        line.set_label(names[label])
        handles.append(line)
    margin = 0.04 * max(length - 1, 1)
    axes.set_xlim(1 - margin, length + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    low, high = axes.get_ylim()
    # Bands and margins can pass 100 %, where no accuracy lies.
    axes.set_ylim(low, min(high, 100 + 0.02 * (100 - low)))
    axes.set_xlabel("Number of tasks trained")
    axes.set_ylabel(f"{not_the_test(*runs.values())}accuracy on tasks seen so far (%)".capitalize())
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
    return figure


def matrices_figure(runs: Runs) -> Figure:
    """R[i][j] of every method, mean over seeds, on one colour scale; blank where not measured."""
    matrices = {label: _mean_matrix(records) for label, records in runs.items()}
    columns = min(4, len(matrices))
    lines = -(-len(matrices) // columns)
    bar_width = 0.75
    side = (PAGE - bar_width) / 4
    figure = Figure(figsize=(side * columns + bar_width, (side + 0.15) * lines + 0.3))
    grid = figure.subplots(lines, columns, squeeze=False)
    known = np.concatenate([matrix[~np.isnan(matrix)] for matrix in matrices.values()])
    low, high = (known.min(), known.max()) if len(known) else (0, 100)
    scale = Normalize(float(10 * np.floor(low / 10)), min(100, float(10 * np.floor(high / 10 + 1))))
    used = list(grid.flat[: len(matrices)])
    for axes in grid.flat[len(matrices) :]:
        axes.remove()
    for axes, (label, matrix) in zip(used, matrices.items(), strict=True):
        _draw_matrix(axes, matrix, scale)
        axes.set_title(_name(label, 26), parse_math=False)
    bar = figure.colorbar(ScalarMappable(scale), ax=used, aspect=30, pad=0.02)
    bar.set_label(f"{not_the_test(*runs.values()) or 'test '}accuracy (%)".capitalize())
    bar.outline.set_visible(False)
    figure.supxlabel("Tested on task", fontsize=rcParams["axes.labelsize"])
    figure.supylabel("After training on task", fontsize=rcParams["axes.labelsize"])
    return figure


def _courses(records: list[RunRecord]) -> NDArray[np.float64]:
    """A[i] of each run: runs x tasks, NaN where not measured."""
    return np.array([accuracy_so_far(record.accuracy_matrix) for record in records], dtype=float)


def _draw_course(axes: Axes, courses: NDArray[np.float64], look: LineStyle) -> Line2D:
    count, length = courses.shape
    mean = courses.mean(axis=0)
    std = courses.std(axis=0, ddof=1) if count > 1 else None
    if length > 1 and np.isnan(mean[:-1]).all():
        if std is not None:
            low, high = mean[-1] - std[-1], mean[-1] + std[-1]
            axes.axhspan(low, high, color="0.45", alpha=0.15, linewidth=0)
        return axes.axhline(mean[-1], color="0.45", linestyle=(0, (8, 2)), linewidth=1)
    trained = np.arange(1, length + 1)
    if std is not None:
        axes.fill_between(
            trained, mean - std, mean + std, color=look["color"], alpha=0.15, linewidth=0
        )
    (line,) = axes.plot(trained, mean, **look, markeredgecolor="white")
    return line


def _mean_matrix(records: list[RunRecord]) -> NDArray[np.float64]:
    stacked = np.array([record.accuracy_matrix for record in records], dtype=float)
    return np.asarray(stacked.mean(axis=0))


def _draw_matrix(axes: Axes, matrix: NDArray[np.float64], scale: Normalize) -> None:
    size = len(matrix)
    extent = (0.5, size + 0.5, size + 0.5, 0.5)
    axes.imshow(matrix, norm=scale, extent=extent, interpolation="nearest")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    every = 1 if size <= LARGEST_ANNOTATED else 5
    ticks = [number for number in range(1, size + 1) if number % every == 0]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    if size <= LARGEST_ANNOTATED:
        digits, fontsize = (1, 6.5) if size <= 5 else (0, 5.5)
        for after, task in zip(*np.nonzero(~np.isnan(matrix)), strict=True):
            value = matrix[after, task]
            # The colour map is dark in its lower half.
            colour = "white" if scale(value) < 0.45 else "black"
            axes.text(
                task + 1,
                after + 1,
                f"{value:.{digits}f}",
                ha="center",
                va="center",
                color=colour,
                fontsize=fontsize,
            )


def _name(label: str, width: int) -> str:
    """The label in lines of `width` signs: labels that name a spec difference are long."""
    return textwrap.fill(label, width)
