"""What became of each task: its accuracy just after learning it and after the last task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from benchmarks.records import RunRecord
from benchmarks.reporting.figures.axis_limits import fenced_limits
from benchmarks.reporting.figures.lazily import Lazily
from benchmarks.reporting.figures.looks import (
    INK,
    LineStyle,
    Runs,
    accuracy_name,
    legend_columns,
    sign,
)
from benchmarks.reporting.figures.panels import Page, axis_names, pages, task_ticks

Array = NDArray[np.float64]

_LOST = "0.8"


def bars_figures(runs: Runs, looks: dict[str, LineStyle]) -> Sequence[Figure]:
    """Per task and method: a bar from R[j][j], just learned, to R[T][j], after the last task.

    Means over seeds, with one standard deviation of R[T][j]. The bar is what was forgotten, or
    gained where the dot is above it. A task far below all others is an arrow at the lower edge,
    with its accuracy or the range of several.
    Without any accuracy after a last task there is no figure.
    """
    drawn = {label: _mean_and_std(records) for label, records in runs.items()}
    if all(np.isnan(final).all() for _, final, _ in drawn.values()):
        return []
    # Just after learning a mean alone is drawn.
    limits = fenced_limits(
        np.concatenate([np.hstack([learned, final]) for learned, final, _ in drawn.values()]),
        np.concatenate([np.hstack([0 * std, std]) for *_, std in drawn.values()]),
    )
    tasks = max(len(final) for _, final, _ in drawn.values())

    def draw(page: Page) -> Figure:
        for label, axes in page.axes.items():
            axes.set_ylim(limits)
            axes.set_xlim(0.3, tasks + 0.7)
            axes.set_xticks(task_ticks(tasks))
            _draw(axes, drawn[label], looks[label]["color"], tasks)
        axis_names(page, "Task", f"{accuracy_name(runs)} (%)")
        signs = _legend(drawn, limits[0])
        columns = legend_columns([str(x.get_label()) for x in signs], page.figure.get_figwidth())
        page.figure.legend(handles=signs, loc="outside upper center", ncols=columns)
        return page.figure

    return Lazily(draw, pages(list(drawn), 1.15, 5, around=1.0))


def _mean_and_std(records: list[RunRecord]) -> tuple[Array, Array, Array]:
    """R[j][j] and R[T][j], means over runs, and the standard deviation of the latter (0 of one)."""
    matrices = np.array([record.accuracy_matrix for record in records], dtype=float)
    final = matrices[:, -1]
    std = final.std(axis=0, ddof=1) if len(records) > 1 else np.zeros(final.shape[1])
    return np.diagonal(matrices, axis1=1, axis2=2).mean(axis=0), final.mean(axis=0), std


def _draw(axes: Axes, drawn: tuple[Array, Array, Array], colour: str, tasks: int) -> None:
    learned, final, std = drawn
    lowest = axes.get_ylim()[0]
    task = np.arange(1, len(final) + 1)
    axes.bar(task, final - learned, 0.7, bottom=learned, color=_LOST, zorder=1.5)
    axes.hlines(learned, task - 0.35, task + 0.35, color=INK, linewidth=1.0, zorder=2)
    size = float(np.clip(45 / tasks, 2.2, 4.5))
    inside = final >= lowest
    axes.errorbar(
        task[inside],
        final[inside],
        std[inside],
        linestyle="none",
        marker="o",
        markersize=size,
        markeredgewidth=0,
        color=colour,
        elinewidth=0.7,
        zorder=3,
    )
    below = final < lowest
    foot = np.full(below.sum(), 0.04)
    at_edge = axes.get_xaxis_transform()
    axes.plot(task[below], foot, "v", color=colour, markersize=size, transform=at_edge, zorder=3)
    if below.any():
        said = dict.fromkeys(f"{value:.1f}" for value in (final[below].min(), final[below].max()))
        axes.text(
            0.5,
            0.09,
            "\N{EN DASH}".join(said),
            transform=axes.transAxes,
            ha="center",
            va="bottom",
            fontsize=6.5,
            zorder=4,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
        )


def _legend(drawn: dict[str, tuple[Array, Array, Array]], lowest: float) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        sign("after the last task", INK, INK),
        Line2D([], [], color=INK, linewidth=1.0, label="just after learning it"),
        Patch(facecolor=_LOST, label="between: forgotten or gained"),
    ]
    if any(std.any() for *_, std in drawn.values()):
        handles.append(sign("std over seeds", INK, INK, "|", size=9))
    if any((final < lowest).any() for _, final, _ in drawn.values()):
        handles.append(sign("below the axis, at the values given", INK, INK, "v"))
    return handles
