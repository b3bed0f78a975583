"""Average accuracy while the tasks come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from benchmarks.records import RunRecord
from benchmarks.reporting.figures.axis_limits import fenced_limits, limits
from benchmarks.reporting.figures.lazily import Lazily
from benchmarks.reporting.figures.looks import (
    BAND,
    BOUND,
    COLUMN,
    INK,
    LEVEL,
    TOGETHER,
    LineStyle,
    Runs,
    accuracy_name,
    band_sign,
    legend_columns,
    name,
    sign,
)
from benchmarks.reporting.figures.panels import Page, axis_names, pages, task_ticks
from benchmarks.reporting.metrics import accuracy_so_far

_ALIKE = 4
"""Methods up to which some may have one colour in a panel."""

_MOST_BANDS = 4
"""Methods up to which bands lie in one panel: more are one grey, and bars side by side."""

_APART = 0.05
"""Tasks from the bar of a method to that of the next."""

_MOST_BEHIND = 30
"""Methods up to which each panel has the others behind: more are a grey area and a large file."""

_BEHIND = "0.84"

Courses = NDArray[np.float64]

_X = "Number of tasks trained"


def accuracy_figures(runs: Runs, looks: dict[str, LineStyle]) -> Sequence[Figure]:
    """Average accuracy A[i] on tasks 1..i against i: mean over seeds, band or bar of one std.

    Up to `TOGETHER` methods share one panel, fewer where colours repeat; of more each has its own,
    with the others, up to `_MOST_BEHIND`, in light grey. A method that trained on all tasks at once
    (`joint`) has A[T] alone: a horizontal line.
    """
    drawn = {label: _courses(records) for label, records in runs.items()}
    y = f"{accuracy_name(runs)}\non seen tasks (%)"
    colours = {looks[label]["color"] for label in runs}
    shared = len(runs) <= (TOGETHER if len(colours) == len(runs) else _ALIKE)
    return [_one_panel(drawn, looks, y)] if shared else _many(drawn, looks, y)


def _one_panel(drawn: dict[str, Courses], looks: dict[str, LineStyle], y: str) -> Figure:
    names = {label: name(label, 46) for label in drawn}
    crowded = len(drawn) > _MOST_BANDS
    spread = sign("std over seeds", INK, INK, "|", size=9) if crowded else band_sign()
    bands: list[Artist] = [spread] * _has_bands(drawn)
    columns = legend_columns(names.values(), COLUMN)
    lines = (sum(shown.count("\n") + 1 for shown in names.values()) + len(bands)) / columns
    figure = Figure(figsize=(COLUMN, 2.6 + 0.15 * np.ceil(lines)))
    axes = figure.subplots()
    handles: list[Artist] = []
    for number, (label, courses) in enumerate(drawn.items()):
        shift = _APART * (number - (len(drawn) - 1) / 2) if crowded else None
        line = _draw_course(axes, courses, looks[label], shift)
        line.set_label(names[label])
        handles.append(line)
    _set_tasks(axes, drawn, _APART * len(drawn) / 2 if crowded else 0.0)
    axes.set_ylim(limits(*axes.dataLim.intervaly))
    axes.set_xlabel(_X)
    axes.set_ylabel(y)
    figure.legend(handles=handles + bands, loc="outside lower center", ncols=columns)
    return figure


def _many(drawn: dict[str, Courses], looks: dict[str, LineStyle], y: str) -> Sequence[Figure]:
    means = {label: courses.mean(axis=0) for label, courses in drawn.items()}
    paths = [_path(mean) for mean in means.values()]
    behind = paths if len(paths) <= _MOST_BEHIND else []
    stds = [_std(courses) for courses in drawn.values()]
    low, high = fenced_limits(np.concatenate(list(means.values())), np.concatenate(stds))
    signs: list[Artist] = [band_sign()] * _has_bands(drawn)
    if behind:
        signs.append(Line2D([], [], color=_BEHIND, linewidth=1, label="the other methods"))

    def draw(page: Page) -> Figure:
        for label, axes in page.axes.items():
            axes.add_collection(LineCollection(behind, colors=_BEHIND, linewidths=0.5, zorder=1))
            _draw_course(axes, drawn[label], looks[label] | {"linestyle": (0, ())})
            final = means[label][-1]
            if final < low:
                axes.annotate(
                    f"\N{DOWNWARDS ARROW}{final:.1f}",
                    (0.98, 0.04),
                    xycoords="axes fraction",
                    ha="right",
                    fontsize=6.5,
                )
            _set_tasks(axes, drawn)
            axes.set_ylim(low, high)
        axis_names(page, _X, y)
        if signs:
            page.figure.legend(handles=signs, loc="outside upper center", ncols=len(signs))
        return page.figure

    return Lazily(draw, pages(list(drawn), 1.15, 5, around=1.0))


def _set_tasks(axes: Axes, drawn: dict[str, Courses], shift: float = 0.0) -> None:
    length = max(courses.shape[1] for courses in drawn.values())
    margin = 0.04 * max(length - 1, 1) + shift
    axes.set_xlim(1 - margin, length + margin)
    axes.set_xticks(task_ticks(length))


def _courses(records: list[RunRecord]) -> Courses:
    """A[i] of each run: runs x tasks, NaN where not measured."""
    return np.array([accuracy_so_far(record.accuracy_matrix) for record in records], dtype=float)


def _std(courses: Courses) -> Courses:
    """Over the runs, by task; 0 of one run."""
    return courses.std(axis=0, ddof=1) if len(courses) > 1 else np.zeros(courses.shape[1])


def _has_bands(drawn: dict[str, Courses]) -> bool:
    return any((_std(courses) > 0).any() for courses in drawn.values())


def _path(mean: Courses) -> Courses:
    """The points of a course; of a level its two ends."""
    if _is_level(mean):
        return np.array([[1.0, mean[-1]], [len(mean), mean[-1]]])
    return np.column_stack([np.arange(1, len(mean) + 1), mean])


def _is_level(mean: Courses) -> bool:
    return len(mean) > 1 and bool(np.isnan(mean[:-1]).all())


def _draw_course(
    axes: Axes, courses: Courses, look: LineStyle, shift: float | None = None
) -> Line2D:
    """With a band, or with bars where there is a `shift` (in tasks) of course and bars."""
    count, length = courses.shape
    mean, std = courses.mean(axis=0), _std(courses)
    if _is_level(mean):
        if count > 1:
            low, high = mean[-1] - std[-1], mean[-1] + std[-1]
            axes.axhspan(low, high, color=BOUND, alpha=BAND, linewidth=0)
        return axes.axhline(mean[-1], color=BOUND, linestyle=LEVEL, linewidth=1)
    trained = np.arange(1, length + 1) + (shift or 0.0)
    every = -(-length // 10)
    if count > 1 and shift is None:
        axes.fill_between(
            trained, mean - std, mean + std, color=look["color"], alpha=BAND, linewidth=0
        )
    if count > 1 and shift is not None:
        ends = (mean - std)[::every], (mean + std)[::every]
        axes.vlines(trained[::every], *ends, color=look["color"], linewidth=0.8)
    # A white rim parts markers from their lines, but takes most of a pale one.
    rim = "white" if shift is None else look["color"]
    (line,) = axes.plot(trained, mean, **look, markevery=every, markeredgecolor=rim)
    return line
