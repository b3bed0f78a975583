"""Numbers as readers read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from benchmarks.reporting.stats import Summary

NOTHING = "\N{EM DASH}"
"""Stands where there is no number."""

Unit = Literal["%", "s", "B"]


def mean_and_std(summary: Summary, unit: Unit) -> str:
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
