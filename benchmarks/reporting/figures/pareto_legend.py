"""What the signs of the Pareto figure mean: of those alone that it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.lines import Line2D

from benchmarks.reporting.figures.looks import BOUND, BOUND_MARKER, BOUND_SIZE, INK, LEVEL, sign
from benchmarks.reporting.figures.marker_names import MOST_NAMED
from benchmarks.reporting.figures.pareto import Point, front

FRONT = "0.55"


def legend(panels: Sequence[Sequence[Point]], levels: Iterable[str]) -> list[Line2D]:
    """Handles for a legend of these panels, each with the label that it explains."""
    shown = [point for panel in panels for point in panel]
    best = [point for panel in panels for point in front(panel)]
    handles = []
    if best:
        handles.append(sign("Pareto front", INK, INK, line=FRONT))
    if sum(point.competes for point in shown) > len(best):
        unnamed = " (not named)" if len(panels[0]) > MOST_NAMED else ""
        handles.append(sign(f"dominated{unnamed}", INK, "white"))
    if not all(point.competes for point in shown):
        handles.append(sign("upper bound", BOUND, "white", BOUND_MARKER, size=BOUND_SIZE))
    handles += [Line2D([], [], color=BOUND, linestyle=LEVEL, linewidth=1, label=x) for x in levels]
    if any(point.acc.std for point in shown):
        handles.append(sign("std over seeds", INK, INK, "|", size=9))
    return handles
