"""The axis of a cost: its scale, its ticks, and a place for what costs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

WIDE = 5
"""Largest over smallest cost from which the axis is logarithmic."""

_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")

_LEAST = {"s": 1e-3, "B": 1.0}
"""To what costs are recorded: less is nothing."""

CostUnit = Literal["s", "B"]


def set_cost_axis(axes: Axes, costs: Sequence[float], unit: CostUnit) -> None:
    """Scale and tick the x axis for these costs, all of them inside it.

    Logarithmic where they spread over more than `WIDE` times; then 0 has a tick of its own left
    of the smallest, behind a break in the axis.
    """
    positive = [cost for cost in costs if cost >= _LEAST[unit]]
    low, high = (min(positive), max(positive)) if positive else (0.0, 0.0)
    if high > WIDE * low:
        _logarithmic(axes, low, high, unit, has_zero=len(positive) < len(costs))
    else:
        _linear(axes, min(costs), high, unit)


def _logarithmic(axes: Axes, low: float, high: float, unit: CostUnit, *, has_zero: bool) -> None:
    ticks = _round_numbers(low / 1.6, high * 1.6, unit)
    if has_zero:
        start = low / 2
        # Linear, and empty, from 0 to `start`; the axis says so by a break.
        axes.set_xscale("symlog", linthresh=start, linscale=0.25)
        ticks = [0.0, *ticks]
        axes.set_xlim(-start / 2, high * 1.6)
        middle = axes.transData.transform((start / 2, 0))[0]
        across = axes.transAxes.inverted().transform((middle, 0))[0]
        axes.plot(
            [across],
            [0],
            transform=axes.transAxes,
            clip_on=False,
            marker=[(-1, -1.5), (1, 1.5)],
            markersize=5,
            color="black",
            markeredgewidth=0.6,
            gid="break",
        )
    else:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.6, high * 1.6)
    _tick(axes, ticks, unit)


def _linear(axes: Axes, low: float, high: float, unit: CostUnit) -> None:
    margin = 0.1 * (high - low) or 0.1 * high or 1.0
    axes.set_xlim(low - margin, high + margin)
    size = 1024.0 ** _power(high) if unit == "B" else 1.0
    nice = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(
        (low - margin) / size, (high + margin) / size
    )
    _tick(
        axes, [tick * size for tick in nice if low - margin <= tick * size <= high + margin], unit
    )


def _tick(axes: Axes, ticks: Sequence[float], unit: CostUnit) -> None:
    shown = [tick for tick in ticks if tick >= 0]
    axes.set_xticks(shown, [_text(tick, unit) for tick in shown])
    axes.set_xticks([], minor=True)


def _round_numbers(low: float, high: float, unit: CostUnit) -> list[float]:
    """1, 10, 100 ... between low and high; where few are, with 3 or 2 and 5 times these."""
    for steps in ((1,), (1, 3), (1, 2, 5)):
        if unit == "B":
            decades = [c * 1024.0**power for power in range(len(_BYTES)) for c in (1, 10, 100)]
        else:
            decades = [10.0**power for power in range(-3, 8)]
        ticks = [step * decade for decade in decades for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            break
    return inside


def _text(tick: float, unit: CostUnit) -> str:
    if unit == "s" or tick == 0:
        return f"{tick:g}"
    power = _power(tick)
    return f"{tick / 1024**power:g} {_BYTES[power]}"


def _power(count: float) -> int:
    """That of 1024 in whose unit so many bytes are a number of at least 1."""
    return min(int(math.log(count, 1024) + 1e-9), len(_BYTES) - 1) if count >= 1 else 0
