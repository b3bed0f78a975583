"""Exponents of power laws."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.speed.scale_fit import Fit


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 1.0, 2.5])
def test_an_exact_power_law_gives_its_exponent_without_doubt(exponent: float) -> None:
    x = [5, 10, 20, 50]
    fit = Fit.of(x, [3.0 * value**exponent for value in x])
    assert (fit.exponent, fit.low, fit.high) == (exponent, exponent, exponent)
    assert fit.factor == pytest.approx(3.0, rel=1e-3)
    assert fit.points == 4


def test_the_interval_has_the_exponent_as_often_as_it_says() -> None:
    generator, x = np.random.default_rng(0), np.geomspace(5, 50, 8)
    hits = 0
    for _ in range(400):
        fit = Fit.of(list(x), list(x**1.5 * np.exp(generator.normal(0, 0.1, len(x)))))
        hits += fit.low <= 1.5 <= fit.high
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1.0, 2.0]), ([1, 2, 3], [0.0, 1.0, 2.0])])
def test_what_no_power_law_can_be_told_of_is_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Fit.of(x, y)
