"""Numbers as readers read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from benchmarks.reporting.stats import Summary

NOTHING = "\N{EM DASH}"
"""Stands where there is no number."""

Unit = Literal["%", "s", "B"]


class Spread(Protocol):
    """A mean with its standard deviation, where there is one."""

    @property
    def mean(self) -> float: ...

    @property
    def std(self) -> float | None: ...


def mean_and_std(summary: Spread, unit: Unit) -> str:
    """``mean +- std``; the one value where n = 1, or where all runs keep the same bytes."""
    number, suffix = _scale(summary.mean, unit)
    if summary.std is None or (unit == "B" and summary.std == 0):
        return number(summary.mean) + suffix
    return f"{number(summary.mean)} \N{PLUS-MINUS SIGN} {number(summary.std)}{suffix}"


def interval(summary: Summary, unit: Unit) -> str:
    """``[low, high]``, or a dash where n = 1 or all runs keep the same bytes."""
    if summary.interval is None:
        return NOTHING
    number, suffix = _scale(summary.mean, unit)
    low, high = summary.interval
    if unit == "B" and low == high:
        return NOTHING
    return f"[{number(low)}, {number(high)}]{suffix}"


def difference(points: float) -> str:
    """``+1.50`` or ``-1.50``: percentage points, with the sign that tells the direction."""
    return f"{round(points, 2) + 0.0:+.2f}"


def _scale(mean: float, unit: Unit) -> tuple[Callable[[float], str], str]:
    if unit == "%":
        return _fixed(2), ""
    if unit == "s":
        return _fixed(2 if mean < 10 else 1 if mean < 1000 else 0), ""
    power = 0
    while abs(mean) >= 1024 ** (power + 1) and power < 4:
        power += 1
    names = ("B", "KiB", "MiB", "GiB", "TiB")
    return _fixed(1 if power else 0, 1024**power), f" {names[power]}"


def _fixed(digits: int, divisor: int = 1) -> Callable[[float], str]:
    # Adding 0.0 turns the -0.0 that rounding can leave into 0.0.
    return lambda value: f"{round(value / divisor, digits) + 0.0:.{digits}f}"
