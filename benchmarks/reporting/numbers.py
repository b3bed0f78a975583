"""Numbers as readers read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from benchmarks.reporting.bootstrap import RESAMPLES
from benchmarks.reporting.stats import BOOTSTRAP_FROM, Summary

NOTHING = "\N{EM DASH}"
"""Stands where there is no number."""

Unit = Literal["%", "s", "B", "count"]
"""Percent, seconds, bytes, or how many."""

_EXACT = ("B", "count")
"""Units of what runs repeat to the last digit."""


class Spread(Protocol):
    """A mean with its standard deviation, where there is one."""

    @property
    def mean(self) -> float: ...

    @property
    def std(self) -> float | None: ...


def mean_and_std(summary: Spread, unit: Unit) -> str:
    """``mean +- std``; the one value where n = 1, or where bytes or counts are all equal."""
    number, suffix = _scale(summary.mean, unit)
    if summary.std is None or (unit in _EXACT and summary.std == 0):
        return number(summary.mean) + suffix
    return f"{number(summary.mean)} \N{PLUS-MINUS SIGN} {number(summary.std)}{suffix}"


def interval(summary: Summary, unit: Unit) -> str:
    """``[low, high]``, or a dash where n = 1 or all runs have the same bytes or count."""
    if summary.interval is None:
        return NOTHING
    number, suffix = _scale(summary.mean, unit)
    low, high = summary.interval
    if unit in _EXACT and low == high:
        return NOTHING
    return f"[{number(low)}, {number(high)}]{suffix}"


def interval_methods(summaries: Iterable[Summary]) -> str:
    """By which methods their intervals are, in words; empty where none has one."""
    used = {summary.method for summary in summaries if summary.method}
    bootstrap = f"BCa bootstrap of {RESAMPLES:,} resamples, Efron 1987"
    if len(used) == 2:
        return f"Student's t where n < {BOOTSTRAP_FROM}, else {bootstrap}"
    return "".join(bootstrap if method == "BCa bootstrap" else method for method in used)


def probability(p: float) -> str:
    """Three decimals, below 0.001 two digits: ``0.250``, ``6.1e-05``."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def counted(count: int, noun: str) -> str:
    """``1 pair``, ``3 pairs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def difference(points: float) -> str:
    """``+1.50`` or ``-1.50``: percentage points, with the sign that tells the direction."""
    return f"{round(points, 2) + 0.0:+.2f}"


def _scale(mean: float, unit: Unit) -> tuple[Callable[[float], str], str]:
    if unit == "%":
        return _fixed(2), ""
    if unit == "s":
        digits = 3 if 0 < mean < 0.1 else 2 if mean < 10 else 1 if mean < 1000 else 0
        return _fixed(digits), ""
    if unit == "count":
        return lambda value: f"{round(value):,}", ""
    power = 0
    while abs(mean) >= 1024 ** (power + 1) and power < 4:
        power += 1
    names = ("B", "KiB", "MiB", "GiB", "TiB")
    return _fixed(1 if power else 0, 1024**power), f" {names[power]}"


def _fixed(digits: int, divisor: int = 1) -> Callable[[float], str]:
    # Adding 0.0 turns the -0.0 that rounding can leave into 0.0.
    return lambda value: f"{round(value / divisor, digits) + 0.0:.{digits}f}"
