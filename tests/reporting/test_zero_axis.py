"""Axes with a place for 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from benchmarks.reporting.figures.zero_axis import ZeroAxis

NONE_NEGATIVE = st.lists(st.one_of(st.just(0.0), st.floats(1e-300, 1e100)), min_size=1, max_size=8)


@given(NONE_NEGATIVE)
def test_every_value_is_inside_and_0_is_lowest(values: list[float]) -> None:
    axes = Figure().subplots()
    scale = ZeroAxis(values)
    scale.set(axes, "y")
    low, high = axes.get_ylim()
    placed = scale.placed(values)
    assert ((low <= placed) & (placed <= high)).all()
    positive = [x for x in values if x > 0]
    if scale.is_log and positive:
        assert 0 < scale.floor < min(positive)


def test_ticks_are_powers_of_ten_and_0_at_the_floor() -> None:
    figure = Figure()
    axes = figure.subplots()
    scale = ZeroAxis([0, 0.005, 0.5, 5, np.nan])
    scale.set(axes, "y")
    figure.draw_without_rendering()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["0", "0.01", "0.1", "1"]
    assert scale.placed([0, 0.5]).tolist() == [scale.floor, 0.5]


@pytest.mark.parametrize("values", [[0, 0], [], [np.nan], [3, 4], [0, 3, 4]])
def test_near_or_no_values_are_linear_from_0(values: list[float]) -> None:
    axes = Figure().subplots()
    scale = ZeroAxis(values)
    scale.set(axes, "y")
    assert not scale.is_log
    assert scale.floor == 0
    assert axes.get_ylim()[0] == 0
