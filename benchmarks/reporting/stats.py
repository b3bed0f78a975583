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
