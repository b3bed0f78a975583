"""The permutation test of paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import count, product

import numpy as np
import numpy.typing as npt

EXACT_UP_TO = 15
"""Pairs of which all 2^n sign flips are tried."""

SAMPLED = 9_999
"""Sign flips that are tried of more pairs."""


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p of the hypothesis that each difference could as well have the other sign.

    The share of all sign flips whose absolute mean is at least that of the differences as they are
    (Fisher 1935, The design of experiments, section 21). Above `EXACT_UP_TO` pairs a fixed
    sample of the flips stands for all: p = (1 + hits) / (1 + sampled), Phipson and Smyth (2010),
    Permutation p-values should never be zero. 1 where all differences are 0. Raises `ValueError`
    without differences.
    """
    n = len(differences)
    if n == 0:
        raise ValueError("no pairs to test")
    values = np.asarray(differences, dtype=np.float64)
    # Sums that are equal on paper differ in their last bits.
    least = abs(values.sum()) - 1e-9 * np.abs(values).sum()
    signs = _all_signs(n) if n <= EXACT_UP_TO else _some_signs(n)
    hits = int(np.count_nonzero(np.abs(signs @ values) >= least))
    return hits / len(signs) if n <= EXACT_UP_TO else (hits + 1) / (len(signs) + 1)


def smallest_p(n: int) -> float:
    """The smallest p that `sign_flip_p` can give for n pairs, where none of them ties."""
    return 2.0 ** (1 - n) if n <= EXACT_UP_TO else 1 / (SAMPLED + 1)


def pairs_needed(comparisons: int, alpha: float) -> int:
    """The fewest pairs with which the first of so many comparisons can pass Holm's correction."""
    return next(n for n in count(1) if comparisons * 2.0 ** (1 - n) <= alpha)


@lru_cache(maxsize=4)
def _all_signs(n: int) -> npt.NDArray[np.float64]:
    """Half of all flips: the other half are their negatives, which have the same absolute mean."""
    return np.array([(1, *rest) for rest in product((1, -1), repeat=n - 1)], dtype=np.float64)


@lru_cache(maxsize=4)
def _some_signs(n: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(0).choice((-1.0, 1.0), (SAMPLED, n))
