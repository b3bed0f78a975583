"""The bootstrap interval of a mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

RESAMPLES = 9_999

_DIGITS = 12
"""Of values scaled to [0, 1]. Sums that are equal on paper differ in their last bits, and the
correction of the bias counts the resamples whose mean ties with that of the values."""


def bca(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """The bias-corrected and accelerated interval of the mean, in the values' unit.

    Efron (1987), Better bootstrap confidence intervals, JASA 82, section 3. With z0 = Phi^-1 of the
    share of resampled means below the mean (half of those equal to it), z the normal quantile of
    a limit and, for a mean, a = sum d^3 / (6 (sum d^2)^(3/2)) of the deviations d, the limit
    is the quantile Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of the resampled means.

    The resamples are the same at every call, so the same values have the same interval. Values
    that are all equal have the interval [x, x]. Raises `ValueError` below two values.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} values: a spread needs two")
    low = min(values)
    width = max(values) - low
    if width <= 1e-12 * max(abs(low), abs(low + width)):
        return low, low
    scaled = (np.asarray(values, dtype=np.float64) - low) / width
    means = np.round(_counts(len(values)) @ scaled / len(values), _DIGITS)
    mean = round(float(scaled.mean()), _DIGITS)
    z0 = ndtri((np.mean(means < mean) + np.mean(means <= mean)) / 2)
    deviations = scaled - scaled.mean()
    a = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    z = z0 + ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    first, last = low + width * np.quantile(means, ndtr(z0 + z / (1 - a * z)))
    return float(first), float(last)


@lru_cache(maxsize=4)
def _counts(n: int) -> npt.NDArray[np.float64]:
    """How often each of n values is in each resample: (resamples, n)."""
    drawn = np.random.default_rng(0).integers(0, n, (RESAMPLES, n))
    places = drawn + n * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(places.ravel(), minlength=RESAMPLES * n)
    return counts.reshape(RESAMPLES, n).astype(np.float64)
