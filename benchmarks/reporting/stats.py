"""Uncertainty over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """n values: their mean, sample standard deviation and interval of the mean.

    With n = 1 there is no spread to estimate: `std` and `interval` are None.
    """

    n: int
    mean: float
    std: float | None
    interval: tuple[float, float] | None


def summarise(values: Sequence[float]) -> Summary:
    """Mean, std = sqrt(sum (x - mean)^2 / (n - 1)) and the 95 % interval, in the values' unit.

    The interval is Student's: mean +- t(0.975, n - 1) std / sqrt(n). It takes the seeds' values
    to be normal and is not cut at 0 or 100 %.
    """
    n = len(values)
    if n == 0:
        raise ValueError("no values to summarise")
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(n, mean, None, None)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * std / math.sqrt(n)
    return Summary(n, mean, std, (mean - half, mean + half))


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
