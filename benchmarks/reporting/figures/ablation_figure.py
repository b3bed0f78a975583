"""What a setting does: accuracy and backward transfer against its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.records import RunRecord
from benchmarks.reporting.figures.ablations import Ablation, short
from benchmarks.reporting.figures.axis_limits import limits
from benchmarks.reporting.figures.lazily import Lazily
from benchmarks.reporting.figures.looks import (
    BAND,
    PAGE,
    TOGETHER,
    LineStyle,
    acc_name,
    balanced,
    band_sign,
    legend_columns,
    line_styles,
    name,
)
from benchmarks.reporting.figures.zero_axis import ZeroAxis
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.registry import METRICS
from benchmarks.reporting.stats import Summary, summarise

_WORDS = {
    "strategy_args.eps": "Threshold on singular values, eps",
    "strategy_args.patch_share": "Share of windows in the moments, patch_share",
    "optimizer.lr": "Learning rate",
    "optimizer.momentum": "Momentum",
    "protocol.epochs": "Epochs per task",
    "protocol.batch_size": "Batch size",
    "stream_args.tasks": "Number of tasks",
    "stream_args.train_per_class": "Training images per class",
}

_DASHES = ((9, 2), (1, 1), (5, 1.5, 1, 1.5), (2.5, 2.5), (1, 4), (9, 1.5, 1, 1.5, 1, 1.5))
"""Of the levels, one for each reference."""


def ablation_figures(ablation: Ablation) -> Sequence[Figure]:
    """ACC and BWT against the varied key: mean over seeds, band of one standard deviation.

    A curve a strategy and combination of the other settings that were varied too, up to `TOGETHER`
    on a page. Methods without the key are levels; the legend counts those left out.

    The axis is logarithmic where the values spread far; values below 0 stand side by side. Without
    any ACC there is no figure.
    """
    every = [records for curve in ablation.curves.values() for records in curve.values()]
    titles = {"acc": acc_name(every)}
    titles["bwt"] = "Backward transfer, BWT (points)"
    known = {
        metric: {label: _course(curve, metric) for label, curve in ablation.curves.items()}
        for metric in titles
    }
    if not any(known["acc"].values()):
        return []
    shown = {
        title: known[metric] for metric, title in titles.items() if any(known[metric].values())
    }
    levels = {
        titles[metric]: {x: _summary(records, metric) for x, records in ablation.references.items()}
        for metric in titles
    }
    values = sorted({value for curve in ablation.curves.values() for value in curve})
    word = _WORDS.get(ablation.key, short(ablation.key))
    curves = list(ablation.curves)
    looks = line_styles({curve: curve for curve in curves})
    varied = (word, values)
    return Lazily(
        lambda page: _page(shown, levels, {x: looks[x] for x in page}, varied, ablation.undrawn),
        balanced(curves, TOGETHER),
    )


def _page(
    courses: Mapping[str, Mapping[str, dict[float, Summary]]],
    levels: Mapping[str, Mapping[str, Summary | None]],
    looks: Mapping[str, LineStyle],
    varied: tuple[str, Sequence[float]],
    undrawn: int,
) -> Figure:
    """Both metrics, by title, of the curves that have a look here."""
    word, values = varied
    names = [name(label, 60) for label in (*looks, *next(iter(levels.values())))]
    drawn = [
        summary for curves in courses.values() for x in looks for summary in curves[x].values()
    ]
    notes: list[Artist] = [band_sign()] * any(summary.std for summary in drawn)
    if undrawn:
        notes.append(Line2D([], [], linestyle="none", label=f"levels not drawn: {undrawn}"))
    columns = legend_columns(names, PAGE)
    lines = (sum(shown_as.count("\n") + 1 for shown_as in names) + len(notes)) / columns
    figure = Figure(figsize=(PAGE, 2.6 + 0.15 * np.ceil(lines)))
    grid = figure.subplots(1, len(courses), squeeze=False)
    for axes, title in zip(grid.flat, courses, strict=True):
        axes.set_xlabel(word)
        axes.set_ylabel(title)
        places = _set_values(axes, values)
        handles: list[Artist] = [_draw(axes, courses[title][x], places, looks[x], x) for x in looks]
        handles += [
            _level(axes, summary, number, label)
            for number, (label, summary) in enumerate(levels[title].items())
        ]
        axes.set_ylim(limits(*axes.dataLim.intervaly))
    figure.legend(handles=handles + notes, loc="outside lower center", ncols=columns)
    return figure


def _set_values(axes: Axes, values: Sequence[float]) -> dict[float, float]:
    """Scale the x axis for these values; where each of them is."""
    if values[0] < 0:
        places = {value: float(number) for number, value in enumerate(values)}
        axes.set_xticks(list(places.values()), [f"{value:g}" for value in values])
        return places
    scale = ZeroAxis(values)
    scale.set(axes, "x")
    axes.set_xticks(scale.placed(values), minor=True)
    return dict(zip(values, scale.placed(values), strict=True))


def _course(curve: Mapping[float, list[RunRecord]], metric: str) -> dict[float, Summary]:
    """The metric at each value, by rising value; none where no run has it."""
    found = {value: _summary(curve[value], metric) for value in sorted(curve)}
    return {value: summary for value, summary in found.items() if summary is not None}


def _summary(records: Sequence[RunRecord], metric: str) -> Summary | None:
    values = [METRICS[metric].of(record) for record in records]
    known = [value for value in values if not isinstance(value, Undefined)]
    return summarise(known) if known else None


def _draw(
    axes: Axes,
    course: dict[float, Summary],
    places: dict[float, float],
    look: LineStyle,
    label: str,
) -> Line2D:
    x = np.array([places[value] for value in course])
    mean = np.array([summary.mean for summary in course.values()])
    std = np.array([summary.std or 0.0 for summary in course.values()])
    if std.any():
        axes.fill_between(x, mean - std, mean + std, color=look["color"], alpha=BAND, linewidth=0)
    (line,) = axes.plot(x, mean, **look, markeredgecolor="white", label=name(label, 60))
    return line


def _level(axes: Axes, summary: Summary | None, number: int, label: str) -> Line2D:
    look: dict[str, Any] = {
        "color": "0.35",
        "linestyle": (0, _DASHES[number % len(_DASHES)]),
        "linewidth": 0.9,
    }
    if summary is not None:
        axes.axhline(summary.mean, zorder=1.5, **look)
    return Line2D([], [], label=name(label, 60), **look)
