"""Accuracy against what it costs: seconds per task and bytes kept, with their Pareto fronts."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.reporting.conditions import unequal
from benchmarks.reporting.figures.axis_limits import fenced_limits
from benchmarks.reporting.figures.cost_axis import CostUnit, set_cost_axis
from benchmarks.reporting.figures.looks import (
    BOUND,
    BOUND_MARKER,
    BOUND_SIZE,
    LEVEL,
    PAGE,
    LineStyle,
    Runs,
    acc_name,
    freeze,
    legend_columns,
)
from benchmarks.reporting.figures.marker_names import MOST_NAMED, Named, write_names
from benchmarks.reporting.figures.pareto import Point, front, levels, points
from benchmarks.reporting.figures.pareto_legend import FRONT, legend
from benchmarks.reporting.stats import Summary

_PANELS: dict[str, tuple[CostUnit, str]] = {
    "seconds_per_task": ("s", "Training time per task (s)\nmedian over tasks, evaluation excluded"),
    "final_state_bytes": ("B", "State kept after the last task\nmodel excluded"),
}


def pareto_figure(runs: Runs, looks: dict[str, LineStyle]) -> Figure | None:
    """ACC, mean and standard deviation over seeds, against both costs; None without any ACC.

    The front joins the methods that no other beats in cost and ACC: filled markers, bold names.
    `joint` has no cost per task and is a level. A method far below the others is drawn at the
    lower edge with its ACC. Of more than `MOST_NAMED` methods those of the front alone are named.
    Where the runs were made under unequal conditions the axis of the seconds says so.
    """
    panels = {cost: points(runs, cost) for cost in _PANELS}
    bounds = levels(runs)
    everywhere = [point.acc for panel in panels.values() for point in panel]
    if not everywhere:
        return None
    figure = Figure(figsize=(PAGE, 2.9 + 0.06 * min(len(runs), MOST_NAMED)))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    for axes, (cost, panel) in zip(grid.flat, panels.items(), strict=True):
        unit, title = _PANELS[cost]
        if cost == "seconds_per_task":
            title += _warning(runs)
        axes.set_xlabel(title)
        set_cost_axis(axes, [point.cost for point in panel] or [0.0], unit)
    accs = [*everywhere, *bounds.values()]
    grid.flat[0].set_ylim(fenced_limits([x.mean for x in accs], [x.std or 0 for x in accs]))
    grid.flat[0].set_ylabel(acc_name(runs.values()))
    signs = legend(list(panels.values()), bounds)
    columns = min(legend_columns([str(x.get_label()) for x in signs], PAGE), 5)
    figure.legend(handles=signs, loc="outside lower center", ncols=columns)
    drawn = [
        (axes, _draw(axes, panel, bounds, looks))
        for axes, panel in zip(grid.flat, panels.values(), strict=True)
    ]
    # The names are placed where the layout has put the markers, so it must not move them again.
    freeze(figure)
    for axes, named in drawn:
        chosen = [one for one in named if one.is_bold or len(named) <= MOST_NAMED]
        write_names(figure, axes, chosen, [one for one in named if one not in chosen])
    return figure


def _draw(
    axes: Axes, panel: list[Point], bounds: dict[str, Summary], looks: dict[str, LineStyle]
) -> list[Named]:
    axes.grid(visible=True, axis="both")
    lower, upper = axes.get_ylim()
    for acc in bounds.values():
        axes.axhline(acc.mean, color=BOUND, linestyle=LEVEL, linewidth=1, zorder=1)
    best = front(panel)
    if best:
        costs = [*(point.cost for point in best), axes.get_xlim()[1]]
        accs = [*(point.acc.mean for point in best), best[-1].acc.mean]
        axes.step(costs, accs, where="post", color=FRONT, linewidth=0.9, zorder=1.5, gid="front")
    named = []
    for point in panel:
        is_best = point in best
        look = looks[point.label]
        colour = look["color"] if point.competes else BOUND
        below = point.acc.mean < lower
        # Half of a marker on the edge is as good as hidden behind the axis.
        height = lower + 0.025 * (upper - lower) if below else point.acc.mean
        if point.acc.std and not below:
            span = [point.acc.mean - point.acc.std, point.acc.mean + point.acc.std]
            axes.plot([point.cost] * 2, span, color=colour, linewidth=0.6, zorder=2)
        # All faces lie below all edges: of markers in one place each shows its edge.
        face = colour if is_best else "white"
        for edge, fill, order in (("none", face, 2.5), (colour, "none", 3)):
            axes.plot(
                point.cost,
                height,
                linestyle="none",
                marker=look["marker"] if point.competes else BOUND_MARKER,
                markersize=None if point.competes else BOUND_SIZE,
                markeredgecolor=edge,
                markerfacecolor=fill,
                zorder=order + is_best / 4,
            )
        value = f" \N{DOWNWARDS ARROW}{point.acc.mean:.1f}" if below else ""
        named.append(
            Named(point.label, value, point.cost, height, is_best, "black" if is_best else "0.25")
        )
    return named


def _warning(runs: Runs) -> str:
    differing = unequal(runs)
    if not differing:
        return ""
    said = f"not comparable: runs differ in {', '.join(differing)}"
    return "\n" + textwrap.fill(said, 48)
