"""Rank and measured interference of each layer, while the tasks come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.reporting.figures.layers import Array, courses, has, layers
from benchmarks.reporting.figures.lazily import Lazily
from benchmarks.reporting.figures.looks import (
    BAND,
    INK,
    PAGE_HEIGHT,
    Runs,
    balanced,
    band_sign,
    legend_columns,
    name,
)
from benchmarks.reporting.figures.panels import page_width, task_ticks
from benchmarks.reporting.figures.zero_axis import ZeroAxis

FEW = 6
"""Layers up to which each has a marker and a line in the legend; more have a scale of colours."""

_COLUMNS = 4
_SIGNS = 26
"""Of a line of a panel's name."""

_MARKERS = ("o", "s", "^", "D", "v", "P")
_BOUND = (0, (1, 1.5))
_ALL: dict[str, Any] = {
    "color": INK,
    "linewidth": 1.1,
    "linestyle": (0, (4, 1)),
    "marker": "X",
    "markeredgewidth": 0.4,
}
_NAMES = {"rank": "Rank of update\n(at most)", "interference": "Interference\n(relative)"}

Row = tuple[str, Sequence[str]]
"""A quantity, and the methods whose panels stand side by side."""


@dataclass(frozen=True)
class _Net:
    """What all panels share."""

    layers: list[str]
    colours: Colormap
    scales: dict[str, ZeroAxis]
    tasks: int


def layers_figures(runs: Runs) -> Sequence[Figure]:
    """Rows of panels, a method each: the rank of every layer by task, below it its interference.

    Means over seeds, a line a layer, the darker the nearer to the input; one line where they are
    alike in all layers. With few layers bands of one standard deviation. Dots are the bound on the
    interference. Methods that recorded neither, or a rank of 0 throughout, are left out; those with
    both come first.
    """
    disturbed = [label for label, records in runs.items() if has(records, "interference")]
    others = [x for x, records in runs.items() if x not in disturbed and has(records, "rank")]
    rows: list[Row] = []
    for group in balanced(disturbed, _COLUMNS):
        rows += [("rank", group), ("interference", group)]
    rows += [("rank", group) for group in balanced(others, _COLUMNS)]
    if not rows:
        return []
    drawn = {label: runs[label] for label in (*disturbed, *others)}
    of_net = layers(drawn)
    colours = colormaps["cividis"](np.linspace(0, 0.78, len(of_net)))
    net = _Net(
        of_net,
        ListedColormap(colours),
        {quantity: _scale(drawn, quantity, of_net) for quantity in _NAMES},
        max(len(record.tasks) for records in drawn.values() for record in records),
    )
    height = 1.35 + 0.11 * max(name(label, _SIGNS).count("\n") for label in drawn)
    # An even number: the two rows of a method stay together.
    per_page = max(int((PAGE_HEIGHT - 1) / height) // 2 * 2, 2)
    parts = [rows[start : start + per_page] for start in range(0, len(rows), per_page)]
    return Lazily(lambda part: _page(runs, part, net, height), parts)


def _scale(runs: Runs, quantity: str, of_net: list[str]) -> ZeroAxis:
    drawn = [courses(records, quantity, of_net) for records in runs.values()]
    values = [part for mean, std in drawn for part in (mean, mean + std)]
    if quantity == "interference":
        values += [courses(records, f"{quantity}_bound", of_net)[0] for records in runs.values()]
    return ZeroAxis(np.concatenate(values))


def _page(runs: Runs, rows: list[Row], net: _Net, height: float) -> Figure:
    columns = max(len(labels) for _, labels in rows)
    width = page_width(columns)
    signs = _signs(runs, rows, net)
    beside = legend_columns([str(x.get_label()) for x in signs], width)
    around = 0.5 + 0.15 * -(-len(signs) // beside)
    figure = Figure(figsize=(width, around + height * len(rows)))
    grid = figure.subplots(len(rows), columns, sharex=True, sharey="row", squeeze=False)
    used = []
    for line, (quantity, labels) in zip(grid, rows, strict=True):
        line[0].set_ylabel(_NAMES[quantity])
        for axes in line[len(labels) :]:
            axes.remove()
        for axes, label in zip(line, labels, strict=False):
            axes.set_title(name(label, _SIGNS), fontsize=6.5, pad=3, parse_math=False)
            _draw(axes, *courses(runs[label], quantity, net.layers), quantity, net)
            if quantity == "interference":
                bound, _ = courses(runs[label], "interference_bound", net.layers)
                _draw_bound(axes, bound, net)
            net.scales[quantity].set(axes, "y")
            axes.set_xlim(0.7, net.tasks + 0.3)
            axes.set_xticks(task_ticks(net.tasks))
            used.append(axes)
    for column in range(columns):
        *_, lowest = (row for row, (_, labels) in enumerate(rows) if column < len(labels))
        grid[lowest, column].tick_params(labelbottom=True)
    figure.supxlabel("Task", fontsize=rcParams["axes.labelsize"])
    if signs:
        figure.legend(handles=signs, loc="outside upper center", ncols=beside)
    if len(net.layers) > FEW:
        _name_colours(figure, used, net)
    return figure


def _draw(axes: Axes, means: Array, stds: Array, quantity: str, net: _Net) -> None:
    scale = net.scales[quantity]
    task = np.arange(1, len(means) + 1)
    few = len(net.layers) <= FEW
    for number, look in _lines(means, stds, net):
        mean, std = means[:, number], stds[:, number]
        if few and (std > 0).any():
            band = scale.placed(mean - std), scale.placed(mean + std)
            axes.fill_between(task, *band, color=look["color"], alpha=BAND, linewidth=0)
        axes.plot(task, scale.placed(mean), **look, markeredgecolor="white")


def _lines(means: Array, stds: Array, net: _Net) -> list[tuple[int, dict[str, Any]]]:
    """The layers to draw and how each looks: one where all are the same."""
    known = np.flatnonzero(~np.isnan(means).all(axis=0))
    if len(known) > 1 and _are_alike(means[:, known]) and _are_alike(stds[:, known]):
        return [(int(known[0]), _ALL)]
    return [(int(number), _look(int(number), net)) for number in known]


def _are_alike(columns: Array) -> bool:
    return bool(np.array_equal(columns, np.repeat(columns[:, :1], columns.shape[1], 1), True))


def _draw_bound(axes: Axes, bound: Array, net: _Net) -> None:
    placed = net.scales["interference"].placed(bound)
    task = np.arange(1, len(bound) + 1)
    for number in range(len(net.layers)):
        colour = _look(number, net)["color"]
        axes.plot(task, placed[:, number], color=colour, linestyle=_BOUND, linewidth=0.9)


def _look(number: int, net: _Net) -> dict[str, Any]:
    look: dict[str, Any] = {"color": net.colours(number), "linewidth": 1.1, "markeredgewidth": 0.4}
    if len(net.layers) > FEW:
        return look
    # Of lines on top of each other the lower ones show their markers.
    return look | {"marker": _MARKERS[number], "markersize": 4.8 - 0.4 * number}


def _signs(runs: Runs, rows: Sequence[Row], net: _Net) -> list[Artist]:
    """For the legend: few layers, all of them as one, the bound, the bands."""
    shown = [courses(runs[x], quantity, net.layers) for quantity, labels in rows for x in labels]
    few = len(net.layers) <= FEW
    handles: list[Artist] = [
        Line2D([], [], **_look(number, net), label=name(layer, 30))
        for number, layer in enumerate(net.layers)
        if few
    ]
    if any(look is _ALL for drawn in shown for _, look in _lines(*drawn, net)):
        handles.append(Line2D([], [], **_ALL, markeredgecolor="white", label="all layers alike"))
    look: dict[str, Any] = {"color": INK, "linestyle": _BOUND, "linewidth": 0.9}
    if any(quantity == "interference" for quantity, _ in rows):
        handles.append(Line2D([], [], label="bound (dotted)", **look))
    return handles + [band_sign()] * (few and any((std > 0).any() for _, std in shown))


def _name_colours(figure: Figure, used: list[Axes], net: _Net) -> None:
    count = len(net.layers)
    norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
    bar = figure.colorbar(
        ScalarMappable(norm, net.colours), ax=used, fraction=0.04, aspect=40, pad=0.02
    )
    shown = list(range(0, count, -(-count // 20)))
    bar.set_ticks(shown, labels=[net.layers[number] for number in shown], fontsize=6)
    bar.ax.tick_params(length=0)
    bar.ax.invert_yaxis()
    bar.outline.set_visible(False)
