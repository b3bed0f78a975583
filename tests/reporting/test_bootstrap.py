"""The BCa interval of a mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.reporting.bootstrap import RESAMPLES, bca

SKEWED = [1.0, 1.1, 1.2, 1.4, 1.5, 1.9, 2.2, 3.1, 4.8, 9.6]


@pytest.mark.parametrize("values", [SKEWED, list(np.random.default_rng(3).normal(size=25))])
def test_agrees_with_scipy_on_the_same_resamples(values: list[float]) -> None:
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert bca(values, 0.95) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_long_tail_pulls_the_interval_to_its_side() -> None:
    low, high = bca(SKEWED, 0.95)
    mean = sum(SKEWED) / 10
    assert high - mean > 1.5 * (mean - low)


def test_values_that_are_all_equal_have_a_point() -> None:
    assert bca([99.5505617977528] * 12, 0.95) == (99.5505617977528, 99.5505617977528)
    # 0.1 + 0.2 is 0.30000000000000004: equal on paper.
    assert bca([0.3] * 9 + [0.1 + 0.2], 0.95) == (0.3, 0.3)


def test_means_that_tie_on_paper_tie() -> None:
    # Means of eighths tie exactly; those of sevenths, and far from 0, differ in their last bits.
    whole = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    parts = [value / 7 + 99.1 for value in whole]
    for percent in range(50, 100):
        expected = [limit / 7 + 99.1 for limit in bca(whole, percent / 100)]
        assert bca(parts, percent / 100) == pytest.approx(expected, abs=1e-9)


def test_one_value_is_refused() -> None:
    with pytest.raises(ValueError, match="a spread needs two"):
        bca([1.0], 0.95)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=12))
def test_the_interval_is_finite_and_within_the_values(values: list[float]) -> None:
    low, high = bca(values, 0.95)
    assert math.isfinite(low)
    assert math.isfinite(high)
    slack = 1e-9 * (abs(min(values)) + abs(max(values)))
    assert min(values) - slack <= low <= high <= max(values) + slack


def test_it_covers_the_mean_about_as_often_as_it_says() -> None:
    # 400 samples of 15 from an exponential of mean 1: 95 % less what the skew costs, +- 3 sd.
    drawn = np.random.default_rng(5).exponential(size=(400, 15))
    held = np.mean([low <= 1 <= high for low, high in (bca(list(row), 0.95) for row in drawn)])
    assert 0.87 < held < 0.97
