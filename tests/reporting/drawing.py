"""What the tests of figures share: the style, worst cases, and whether a reader can read them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from reporting_records import MakeRecord, task

from benchmarks.record_parts import Matrix, TaskRecord
from benchmarks.records import RunRecord
from benchmarks.reporting.figures.looks import LineStyle, line_styles

Runs = dict[str, list[RunRecord]]

SMALLEST = 5.0
"""Points that a sign must have to be read in print."""


def looks(runs: Runs) -> dict[str, LineStyle]:
    return line_styles({label: label for label in runs})


def forgetful(tasks: int, random: np.random.Generator) -> Matrix:
    """Accuracies that fall after their task, as a run's do."""
    matrix: Matrix = [[None] * tasks for _ in range(tasks)]
    for j in range(tasks):
        value = float(random.uniform(60, 100))
        for i in range(j, tasks):
            matrix[i][j] = value
            value = max(value - float(random.exponential(2)), 0.0)
    return matrix


def layered(tasks: int, layers: int, random: np.random.Generator) -> list[TaskRecord]:
    """Tasks with ranks and interference of so many layers, some of them 0, from the second on."""
    names = [f"layer{number // 4 + 1}.{number % 4}.conv1" for number in range(layers)]
    rest = [
        task(
            ranks={name: int(random.integers(0, 1000)) for name in names},
            interference={name: float(10 ** random.uniform(-6, 0)) for name in names[1:]},
            interference_bound={name: float(10 ** random.uniform(-5, 1)) for name in names[1:]},
        )
        for _ in range(tasks - 1)
    ]
    return [task(), *rest]


def crowd(make: MakeRecord, methods: int, tasks: int, layers: int = 3, seeds: int = 2) -> Runs:
    """So many methods, an upper bound and NESS among them."""
    random = np.random.default_rng(0)
    labels = [f"method_{number}" for number in range(methods - 2)]
    labels += ["cumulative", "ness"]
    return {
        label: [
            make(
                label,
                seed,
                forgetful(tasks, random),
                tasks=layered(tasks, layers, random),
            )
            for seed in range(seeds)
        ]
        for label in labels[-methods:]
    }


def faults(figure: Figure) -> list[str]:
    """Text below `SMALLEST` points, cut off or over other text, and a figure beyond the page."""
    width, height = figure.get_size_inches()
    found = [f"{width} x {height} inches"] if width > 7.01 or height > 9.51 else []
    figure.draw_without_rendering()
    seen = texts(figure)
    found += [f"small: {text.get_text()}" for text in seen if text.get_fontsize() < SMALLEST]
    canvas = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent()) for text in seen]
    found += [
        f"cut off: {said}"
        for said, box in boxes
        if box.x0 < -1 or box.y0 < -1 or box.x1 > canvas.x1 + 1 or box.y1 > canvas.y1 + 1
    ]
    # Boxes are wider than their signs by a pixel.
    found += [
        f"over each other: {one}, {other}"
        for (one, a), (other, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
    return found if boxes else ["no text"]


def texts(figure: Figure) -> list[Text]:
    """Every text that is seen."""
    found = list(figure.texts)
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in figure.axes:
        found += [axes.title, *axes.texts, axes.xaxis.label, axes.yaxis.label]
        found += [*_ticks(axes.xaxis), *_ticks(axes.yaxis)]
    return [text for text in found if text.get_text() and text.get_visible()]


def _ticks(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    return [
        tick.label1
        for tick in axis.get_major_ticks()
        if tick.label1.get_visible() and low - slack <= tick.get_loc() <= high + slack
    ]
