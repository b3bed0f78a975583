"""Logarithmic axes of quantities that can be 0, which has no logarithm."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

SPREAD = 20
"""Largest over smallest positive value from which an axis is logarithmic."""

_MOST_TICKS = 6

Array = NDArray[np.float64]


class ZeroAxis:
    """The scale for some values, none negative: linear from 0, or logarithmic above a floor.

    0 is at the floor, a decade or less below the smallest positive value, where the tick says 0.
    """

    def __init__(self, values: ArrayLike) -> None:
        known = np.asarray(values, dtype=float)
        known = known[~np.isnan(known)]
        positive = known[known > 0]
        self._low = float(positive.min()) if len(positive) else 0.0
        self._high = float(positive.max()) if len(positive) else 1.0
        self._has_zero = len(positive) < len(known)
        self.is_log = bool(len(positive)) and self._high > SPREAD * self._low

    @property
    def floor(self) -> float:
        """Where 0 is drawn."""
        if not self.is_log:
            return 0.0
        below = 10 ** (np.floor(np.log10(self._low)) - 0.5)
        return float(below) if self._low / below > 2 else float(below / 10**0.5)

    def placed(self, values: ArrayLike) -> Array:
        """The values where they are drawn: no lower than the floor."""
        known = np.asarray(values, dtype=float)
        return np.asarray(np.maximum(known, self.floor) if self.is_log else known)

    def set(self, axes: Axes, which: Literal["x", "y"]) -> None:
        """Scale, limit and tick the x or y axis."""
        axis = axes.xaxis if which == "x" else axes.yaxis
        limit = axes.set_xlim if which == "x" else axes.set_ylim
        if not self.is_log:
            limit(0 if which == "y" else -0.04 * self._high, self._high * 1.05)
            return
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        limit(self.floor / 1.3 if self._has_zero else self._low / 1.6, self._high * 1.8)
        axis.set_major_locator(FixedLocator(self._ticks()))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(self._text))

    def _ticks(self) -> list[float]:
        first, last = np.ceil(np.log10(self._low / 1.6)), np.floor(np.log10(self._high * 1.8))
        step = int(max(-(-(last - first + 1) // _MOST_TICKS), 1))
        decades = [float(10.0**power) for power in np.arange(last, first - 1, -step)[::-1]]
        return [self.floor, *decades] if self._has_zero else decades

    def _text(self, tick: float, _: int) -> str:
        if self._has_zero and tick <= self.floor * 1.01:
            return "0"
        powers = self._low < 0.001 or self._high > 9999
        return f"$10^{{{round(np.log10(tick))}}}$" if powers else f"{tick:g}"
