"""Uncertainty over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from scipy.special import stdtrit

from benchmarks.reporting.bootstrap import bca

CONFIDENCE = 0.95

BOOTSTRAP_FROM = 10
"""Values from which the interval is bootstrapped: fewer say too little of their distribution, so
below it Student's takes them to be normal."""

IntervalMethod = Literal["Student's t", "BCa bootstrap"]


@dataclass(frozen=True)
class Summary:
    """n values: their mean, sample standard deviation and interval of the mean.

    With n = 1 there is no spread to estimate: `std`, `interval` and `method` are None.
    """

    n: int
    mean: float
    std: float | None
    interval: tuple[float, float] | None
    method: IntervalMethod | None = None
    """That of the interval."""


def summarise(values: Sequence[float]) -> Summary:
    """Mean, std = sqrt(sum (x - mean)^2 / (n - 1)) and the 95 % interval, in the values' unit.

    Below `BOOTSTRAP_FROM` values the interval is Student's, else the bootstrap's, see `bca`: it
    takes no distribution for granted and stays within the values. Its 95 % are nominal: in small
    samples it is too short (Hesterberg 2015, What teachers should know about the bootstrap, The
    American Statistician 69).
    """
    n = len(values)
    if n == 0:
        raise ValueError("no values to summarise")
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(n, mean, None, None)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    if n >= BOOTSTRAP_FROM:
        return Summary(n, mean, std, _bca(tuple(values), CONFIDENCE), "BCa bootstrap")
    return Summary(n, mean, std, student(mean, std, n), "Student's t")


# The tables of one stream ask for the same intervals again: hundreds of rows, a dozen metrics each.
_bca = lru_cache(maxsize=2**15)(bca)


def student(mean: float, std: float, n: int) -> tuple[float, float]:
    """The 95 % interval mean +- t(0.975, n - 1) std / sqrt(n) of n >= 2 values, in their unit.

    Student (1908), The probable error of a mean. It is not cut at 0 or 100 %.
    """
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * std / math.sqrt(n)
    return mean - half, mean + half


def difference_half_width(std_a: float, n_a: int, std_b: float, n_b: int) -> float:
    """Half the width of the 95 % interval of a difference of two means, in the values' unit.

    Welch's, of variances that may differ: t(0.975, df) * sqrt(v_a + v_b) with v = std^2 / n of each
    and df = (v_a + v_b)^2 / (v_a^2 / (n_a - 1) + v_b^2 / (n_b - 1)). Raises `ValueError` below two
    values on a side.
    """
    if min(n_a, n_b) < 2:
        raise ValueError(f"n = {n_a} and {n_b}: a spread needs two values on each side")
    v_a, v_b = std_a**2 / n_a, std_b**2 / n_b
    if v_a + v_b == 0:
        return 0.0
    df = (v_a + v_b) ** 2 / (v_a**2 / (n_a - 1) + v_b**2 / (n_b - 1))
    return float(stdtrit(df, (1 + CONFIDENCE) / 2)) * math.sqrt(v_a + v_b)
