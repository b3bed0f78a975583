"""The limits of axes, and the fence around the many."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.reporting.figures.axis_limits import fenced_limits, limits, lower_fence


@pytest.mark.parametrize(
    ("values", "floor"),
    [
        ([5.0], 5.0),
        # Quartiles 96 and 98: the core is 100 - (96 - 4 * 2) = 12 points, so 76 is the limit.
        ([95, 96, 97, 98, 99, 100, 96, 98, 76.5], 76.5),
        ([95, 96, 97, 98, 99, 100, 96, 98, 75.5], 95.0),
    ],
)
def test_a_value_that_squeezes_the_others_is_behind_the_fence(values, floor: float) -> None:
    assert lower_fence(values) == floor


def test_limits_hold_each_bar_but_not_what_is_far_below() -> None:
    # 90 - 2 to 94 + 3: a span of 9, of which 8 % stay free; 20 and its bar are behind the fence.
    low, high = fenced_limits([90, 91, 92, 93, 94, np.nan, 20], [2, 0, 0, 0, 3, np.nan, 50])
    assert (low, high) == pytest.approx((88 - 0.72, 97 + 0.72))


def test_a_bar_far_longer_than_the_others_is_cut_off() -> None:
    low, _ = fenced_limits([90, 91, 92, 93, 94], [1, 1, 1, 40, 1])
    assert 88 < low < 90


def test_the_bar_of_a_lone_value_is_whole() -> None:
    low, high = fenced_limits([50.0], [15.0])
    assert low < 35
    assert high > 65


def test_differences_by_rounding_do_not_fill_an_axis() -> None:
    low, high = limits(50.0, 50.0 + 1e-14)
    assert (low, high) == pytest.approx((49.5, 50.5))


def test_nothing_known_is_0_to_100_and_no_axis_goes_far_beyond_it() -> None:
    assert fenced_limits([np.nan], [np.nan]) == (0, 100)
    assert limits(80, 104) == pytest.approx((78.4, 100.8))
