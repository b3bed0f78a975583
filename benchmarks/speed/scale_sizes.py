"""What is scaled: three axes, each with the sizes that stay as they are. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AxisName = Literal["tasks", "width", "samples"]
Quantity = Literal["step_s", "consolidate_s", "task_s", "total_s", "state_bytes"]

Part = Literal["tasks", "width", "samples", "sweep"]
"""An axis, or the sweep on two cores."""

PARTS: tuple[Part, ...] = ("tasks", "width", "samples", "sweep")
AXES: dict[AxisName, str] = {
    "tasks": "Tasks",
    "width": "Width of both hidden layers",
    "samples": "Samples per task",
}
METHODS = {
    "naive": "naive",
    "ness": "NESS",
    "recompute": "NESS, all data kept",
    "gpm": "GPM",
}
QUANTITIES: dict[Quantity, str] = {
    "step_s": "Training step",
    "consolidate_s": "Between two tasks",
    "task_s": "Whole task",
    "total_s": "All tasks so far",
    "state_bytes": "Memory kept",
}
INPUTS = 256
"""Numbers that a sample has."""
MOST_S = 120.0
FITTED_FROM = 5
"""Tasks from which growth with their number is fitted: the first few have costs of their own."""


@dataclass(frozen=True)
class Size:
    """A stream and its net: ``samples`` to train on in each task, two layers of ``width``."""

    tasks: int
    width: int
    samples: int


@dataclass(frozen=True)
class Axis:
    """The streams of one axis; along ``tasks`` it is one, each task of which is a point.

    A stream is repeated ``repeats`` times, but not again once it has taken `MOST_S`.
    """

    sizes: tuple[Size, ...]
    repeats: int


FULL: dict[AxisName, Axis] = {
    "tasks": Axis((Size(tasks=50, width=256, samples=1000),), repeats=3),
    "width": Axis(
        tuple(Size(tasks=2, width=width, samples=512) for width in (256, 512, 1024, 2048, 4096)),
        repeats=3,
    ),
    "samples": Axis(
        tuple(Size(tasks=5, width=256, samples=n) for n in (250, 500, 1000, 2000, 4000, 8000)),
        repeats=3,
    ),
}
QUICK: dict[AxisName, Axis] = {
    "tasks": Axis((Size(tasks=8, width=16, samples=64),), repeats=1),
    "width": Axis(tuple(Size(2, width, samples=64) for width in (16, 32, 64)), repeats=1),
    "samples": Axis(tuple(Size(2, 16, samples=n) for n in (64, 128, 256)), repeats=1),
}
"""To see in seconds whether everything works."""


def quantities(axis: AxisName) -> list[Quantity]:
    """What is shown along an axis; the sum over tasks belongs to their number alone."""
    return [name for name in QUANTITIES if name != ("task_s" if axis == "tasks" else "total_s")]


def bears(method: str, quantity: Quantity) -> bool:
    """Whether a method has a quantity: `naive` keeps nothing, and does nothing between tasks."""
    return method != "naive" or quantity not in ("consolidate_s", "state_bytes")
