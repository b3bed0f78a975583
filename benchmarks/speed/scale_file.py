"""``scale.json``: times and bytes along each axis, and how they grow. Needs no torch."""

from __future__ import annotations

import json
import statistics
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.interruptions import writing
from benchmarks.records import write_atomically
from benchmarks.speed.scale_fit import LEAST_POINTS, Fit
from benchmarks.speed.scale_sizes import (
    AXES,
    FITTED_FROM,
    METHODS,
    AxisName,
    Quantity,
    bears,
    quantities,
)
from benchmarks.speed.speed_file import Measured

Seconds = list[float]
"""Of one thing, in each repetition."""


class Point(BaseModel):
    """One task of one method: the task at ``x``, or the last of a stream of that size."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    axis: AxisName
    method: str
    x: int = Field(ge=1)
    step_s: Seconds = Field(min_length=1)
    """An epoch through the harness over its number of steps."""
    consolidate_s: Seconds = Field(min_length=1)
    """What the method does before the first step and after the last."""
    task_s: Seconds = Field(min_length=1)
    """An epoch and what the method does around it; without evaluation on test data."""
    state_bytes: int = Field(ge=0)
    """What the method keeps after the task, beside the model."""
    ranks: dict[str, int]
    """Each layer's free directions in the task."""


class Scale(Measured):
    """The points, and the exponents fitted to them: ``<axis>/<quantity>/<method>``."""

    made_by: ClassVar[str] = "scale"
    sizes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """What was measured along each axis."""
    fits: dict[str, Fit] = Field(default_factory=dict)
    points: list[Point] = Field(default_factory=list)

    def check_names(self) -> None:
        """Raise `ValueError` for a method that is not measured (any more)."""
        for method in {point.method for point in self.points} - set(METHODS):
            raise ValueError(f"method {method!r} is none that is measured today")

    def replace(self, points: list[Point]) -> None:
        """Put points in the place of those that the file has of the same axis and x, and fit."""
        new = {(p.axis, p.x) for p in points}
        kept = [p for p in self.points if (p.axis, p.x) not in new]
        axes, methods = list(AXES), list(METHODS)
        self.points = sorted(
            kept + points, key=lambda p: (axes.index(p.axis), methods.index(p.method), p.x)
        )
        self.fits = dict(self._fitted())

    def merge(self, earlier: Measured, path: Path) -> None:
        super().merge(earlier, path)
        assert isinstance(earlier, Scale)
        self.sizes = earlier.sizes | self.sizes
        self.replace(earlier.points)

    def course(
        self, axis: AxisName, quantity: Quantity, method: str
    ) -> tuple[list[int], list[float]]:
        """x and the median over repetitions of a quantity along an axis."""
        own = [p for p in self.points if (p.axis, p.method) == (axis, method)]
        xs = [p.x for p in own]
        if quantity == "state_bytes":
            return xs, [float(p.state_bytes) for p in own]
        measured = "task_s" if quantity == "total_s" else quantity
        medians = [statistics.median(getattr(p, measured)) for p in own]
        return xs, list(accumulate(medians)) if quantity == "total_s" else medians

    def _fitted(self) -> list[tuple[str, Fit]]:
        found = []
        for axis in AXES:
            for quantity in quantities(axis):
                for method in METHODS:
                    xs, ys = self.course(axis, quantity, method)
                    if axis == "tasks":
                        ys = [y for x, y in zip(xs, ys, strict=True) if x >= FITTED_FROM]
                        xs = [x for x in xs if x >= FITTED_FROM]
                    if bears(method, quantity) and len(xs) >= LEAST_POINTS:
                        found.append((f"{axis}/{quantity}/{method}", Fit.of(xs, ys)))
        return found

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all, a point a line."""
        data = self.model_dump(exclude={"nets", "goals", "points"})
        lines = ",\n  ".join(json.dumps(point.model_dump()) for point in self.points)
        head = json.dumps(data, indent=1).removesuffix("\n}")
        with writing(path):
            write_atomically(path, f'{head},\n "points": [\n  {lines}\n ]\n}}\n'.encode())
