from __future__ import annotations

import pytest
from scipy import stats

from benchmarks.reporting.bootstrap import bca
from benchmarks.reporting.numbers import interval, interval_methods, mean_and_std
from benchmarks.reporting.stats import student, summarise


def test_worked_example() -> None:
    # mean 92, deviations -2, 0, 2: std = sqrt(8 / 2) = 2; t(0.975, 2) = 4.303.
    summary = summarise([90, 92, 94])
    assert (summary.n, summary.mean, summary.std) == (3, 92, 2)
    half = 4.302652729696142 * 2 / 3**0.5
    assert summary.interval == pytest.approx((92 - half, 92 + half))


def test_agrees_with_scipy() -> None:
    values = [71.3, 70.2, 74.9, 73.3, 70.0]
    expected = stats.t.interval(0.95, 4, sum(values) / 5, stats.sem(values))
    assert summarise(values).interval == pytest.approx(expected)


def test_ten_values_are_bootstrapped_and_nine_are_not() -> None:
    values = [71.3, 70.2, 74.9, 73.3, 70.0, 71.1, 72.0, 70.5, 79.9, 71.8]
    few, many = summarise(values[:9]), summarise(values)
    assert (few.method, many.method) == ("Student's t", "BCa bootstrap")
    assert few.interval == student(few.mean, few.std, 9)
    assert many.interval == bca(values, 0.95)


@pytest.mark.parametrize("n", [2, 9, 10, 30])
def test_equal_values_have_a_point_for_an_interval(n: int) -> None:
    summary = summarise([98.25] * n)
    assert (summary.std, summary.interval) == (0, (98.25, 98.25))


def test_one_value_has_no_spread() -> None:
    summary = summarise([90.0])
    assert (summary.n, summary.mean, summary.std, summary.interval) == (1, 90, None, None)


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        summarise([])


@pytest.mark.parametrize(
    ("values", "unit", "shown"),
    [
        ([90, 92, 94], "%", "92.00 ± 2.00"),
        ([90], "%", "90.00"),
        ([-0.001, -0.001], "%", "0.00 ± 0.00"),
        ([-5.5, -6.5], "%", "-6.00 ± 0.71"),
        ([4.0, 4.0], "s", "4.00 ± 0.00"),
        ([100.0, 104.0], "s", "102.0 ± 2.8"),
        ([4000.0, 4100.0], "s", "4050 ± 71"),
        ([0, 0], "B", "0 B"),
        ([1023], "B", "1023 B"),
        ([1536, 1536], "B", "1.5 KiB"),
        ([2**20, 3 * 2**20], "B", "2.0 ± 1.4 MiB"),
        ([5 * 2**40], "B", "5.0 TiB"),
    ],
)
def test_numbers_as_shown(values, unit, shown: str) -> None:
    assert mean_and_std(summarise(values), unit) == shown


def test_interval_as_shown() -> None:
    assert interval(summarise([90, 92, 94]), "%") == "[87.03, 96.97]"
    assert interval(summarise([90]), "%") == "—"
    assert interval(summarise([1024, 1024]), "B") == "—"


def test_the_methods_of_intervals_are_named() -> None:
    one, few, many = summarise([1.0]), summarise([1.0, 2.0]), summarise([*map(float, range(10))])
    bootstrap = "BCa bootstrap of 9,999 resamples, Efron 1987"
    assert interval_methods([one]) == ""
    assert interval_methods([one, few]) == "Student's t"
    assert interval_methods([many]) == bootstrap
    assert interval_methods([many, few]) == f"Student's t where n < 10, else {bootstrap}"
