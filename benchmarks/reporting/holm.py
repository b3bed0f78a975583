"""Correction for many comparisons."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given.

    Of m sorted p-values the k-th, k from 1, becomes the largest of (m - j + 1) p_(j), j <= k,
    and at most 1. Rejecting those up to alpha keeps the chance of any false rejection below alpha,
    however the tests depend on each other (Holm 1979, A simple sequentially rejective multiple
    test procedure, Scandinavian Journal of Statistics 6).
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
