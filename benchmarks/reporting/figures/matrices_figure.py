"""The accuracy matrices as heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.records import RunRecord
from benchmarks.reporting.figures.lazily import Lazily
from benchmarks.reporting.figures.looks import Runs, accuracy_name
from benchmarks.reporting.figures.panels import Page, axis_names, page_width, pages, task_ticks

LARGEST_ANNOTATED = 10
"""Tasks up to which the cells of a matrix carry their number."""


def matrices_figures(runs: Runs) -> Sequence[Figure]:
    """R[i][j] of every method, mean over seeds, on one colour scale; blank where not measured."""
    matrices = {label: _mean_matrix(records) for label, records in runs.items()}
    known = np.concatenate([matrix[~np.isnan(matrix)] for matrix in matrices.values()])
    low, high = (known.min(), known.max()) if len(known) else (0, 100)
    scale = Normalize(float(10 * np.floor(low / 10)), min(100, float(10 * np.floor(high / 10 + 1))))
    largest = max(map(len, matrices.values()))
    columns = min(4, len(matrices))
    side = (page_width(columns) - 1.1) / columns

    def draw(page: Page) -> Figure:
        for label, axes in page.axes.items():
            _draw_matrix(axes, matrices[label], scale)
            axes.set(xlim=(0.5, largest + 0.5), ylim=(largest + 0.5, 0.5))
        size: dict[str, Any] = {"fraction": 0.03, "aspect": 40, "pad": 0.02, "shrink": 0.9}
        bar = page.figure.colorbar(ScalarMappable(scale), ax=list(page.axes.values()), **size)
        bar.set_label(f"{accuracy_name(runs)} (%)")
        bar.outline.set_visible(False)
        axis_names(page, "Evaluated on task", "After training on task")
        return page.figure

    return Lazily(draw, pages(list(matrices), side, columns))


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
    ticks = list(range(1, size + 1)) if size <= LARGEST_ANNOTATED else task_ticks(size)
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
                # Five signs do not fit a cell, and 100 is for a task without an error.
                "100" if value == 100 else f"{min(value, 100 - 10.0**-digits):.{digits}f}",
                ha="center",
                va="center",
                color=colour,
                fontsize=fontsize,
            )
