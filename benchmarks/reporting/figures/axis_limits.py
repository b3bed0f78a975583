"""From where to where an axis of accuracies goes: all bars inside, what is far below outside."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

FENCE = 4

MARGIN = 0.08
"""Share of the span of an axis that stays free at both ends."""

LEAST_SPAN = 1.0
"""Points that an axis of accuracies spans at least: differences by rounding do not fill it."""


def limits(low: float, high: float) -> tuple[float, float]:
    """An axis in percent or points for all from `low` to `high`, hardly beyond 100.

    0 to 100 where `low` is not below `high` and not equal to it: nothing is known.
    """
    if not low <= high:
        return 0.0, 100.0
    high = min(high, 100.0)
    margin = max(MARGIN * (high - low), (LEAST_SPAN - (high - low)) / 2)
    return low - margin, min(high + margin, 100 + margin / 2)


def fenced_limits(means: ArrayLike, stds: ArrayLike) -> tuple[float, float]:
    """The `limits` for these means, each with one standard deviation; NaN are not known.

    What `lower_fence` leaves out, of the means or of the lower ends of the others, lies below.
    """
    mean, std = np.ravel(np.asarray(means, float)), np.ravel(np.asarray(stds, float))
    mean, std = mean[~np.isnan(mean)], std[~np.isnan(mean)]
    if not len(mean):
        return limits(np.inf, -np.inf)
    shown = mean >= lower_fence(mean)
    low = min(lower_fence((mean - std)[shown]), mean[shown].min())
    return limits(float(low), float((mean + std)[shown].max()))


def lower_fence(values: Iterable[float]) -> float:
    """The least value, but for those that would squeeze all others.

    These lie further down than twice the way from the highest value to `FENCE` interquartile
    ranges, of 1 at least, below the first quartile.
    """
    known = np.array(list(values))
    first, third = np.percentile(known, [25, 75])
    high = known.max()
    core = high - (first - FENCE * max(third - first, 1.0))
    return float(known[known >= high - 2 * core].min())
