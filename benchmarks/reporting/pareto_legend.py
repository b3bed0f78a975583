"""What the signs of the Pareto figure mean: of those alone that it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.lines import Line2D
from matplotlib.typing import ColorType

from benchmarks.reporting.pareto import Point, front

BOUND = "0.45"
"""The grey of upper bounds, which are not on the front."""

FRONT = "0.55"

LEVEL = (0, (8, 2))
"""The dashes of a method that is a level, as in the figure of accuracies."""

_INK = "0.3"


def legend(panels: Sequence[Sequence[Point]], levels: Iterable[str]) -> list[Line2D]:
    """Handles for a legend of these panels, each with the label that it explains."""
    shown = [point for panel in panels for point in panel]
    best = [point for panel in panels for point in front(panel)]
    handles = []
    if best:
        handles.append(_marker("Pareto front", _INK, _INK, line=FRONT))
    if sum(point.competes for point in shown) > len(best):
        handles.append(_marker("dominated", _INK, "white"))
    if not all(point.competes for point in shown):
        handles.append(_marker("upper bound", BOUND, "white"))
    handles += [Line2D([], [], color=BOUND, linestyle=LEVEL, linewidth=1, label=x) for x in levels]
    if any(point.acc.std for point in shown):
        handles.append(_marker("std over seeds", _INK, _INK, "|", size=9))
    return handles


def _marker(
    label: str,
    edge: ColorType,
    face: ColorType,
    marker: str = "o",
    *,
    line: ColorType | None = None,
    size: float | None = None,
) -> Line2D:
    return Line2D(
        [],
        [],
        color=line or edge,
        linestyle="-" if line else "none",
        marker=marker,
        markersize=size,
        markeredgecolor=edge,
        markerfacecolor=face,
        label=label,
    )
