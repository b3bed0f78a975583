"""The permutation test of paired differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.reporting.sign_flips import (
    EXACT_UP_TO,
    SAMPLED,
    pairs_needed,
    sign_flip_p,
    smallest_p,
)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([2.0], 1),  # +2 and -2: both as large
        ([1.0, 2.0, 3.0], 2 / 8),  # of 8 sums only 6 and -6 are as large as 6
        ([1.0, -2.0, 3.0], 6 / 8),  # 6, 2, 4, 0 with either sign, 0 twice: only the 0s are below 2
        ([1.0, 1.0, 1.0, -1.0], 10 / 16),  # 4 twice, 2 eight times, 0 six times
        ([0.0, 1.0, 2.0], 4 / 8),  # a 0 has no sign to flip
        ([0.0, 0.0, 0.0, 0.0], 1),
    ],
)
def test_worked_examples(differences: list[float], p: float) -> None:
    assert sign_flip_p(differences) == p


def test_sums_that_tie_on_paper_tie() -> None:
    # 0.1 + 0.2 - 0.3 is 5.6e-17 as floats: no flip has a smaller absolute sum than 0.
    assert sign_flip_p([0.1, 0.2, -0.3]) == 1
    assert sign_flip_p([0.3, 0.1, 0.2]) == sign_flip_p([3.0, 1.0, 2.0]) == 0.25


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=8), st.sampled_from([1, 0.1, 1 / 3]))
@settings(deadline=None)
def test_is_the_share_of_flips_counted_in_whole_numbers(values: list[int], unit: float) -> None:
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    expected = sum(total >= abs(sum(values)) for total in sums) / len(sums)
    assert sign_flip_p([value * unit for value in values]) == expected
    assert sign_flip_p([-value * unit for value in values]) == expected
    assert expected >= smallest_p(len(values))


def test_agrees_with_scipy() -> None:
    differences = np.random.default_rng(2).normal(0.4, 1, size=9)
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_p(list(differences)) == pytest.approx(expected.pvalue)


def test_fifteen_pairs_are_exact_and_sixteen_are_not() -> None:
    assert sign_flip_p([1.0] * 15) == smallest_p(15) == 2 / 2**15
    assert smallest_p(16) == 1 / 10_000


def test_many_pairs_are_sampled_near_the_exact_value_and_always_alike() -> None:
    differences = list(np.random.default_rng(4).normal(0.5, 1, size=EXACT_UP_TO + 1))
    exact = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    p = sign_flip_p(differences)
    assert p == sign_flip_p(differences)
    assert p == pytest.approx(exact, abs=4 * (exact / SAMPLED) ** 0.5)
    assert p != exact


def test_a_sampled_p_is_never_0() -> None:
    assert sign_flip_p([1.0 + k / 100 for k in range(40)]) == smallest_p(40) == 1 / 10_000


def test_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        sign_flip_p([])


@pytest.mark.parametrize(
    ("comparisons", "pairs"),
    # 1: 2^-5 = 0.03 at 6 pairs, 2^-4 = 0.06 at 5. 6: 6 * 2^-7 = 0.047 at 8, 6 * 2^-6 = 0.094 at 7.
    [(1, 6), (2, 7), (6, 8), (24, 10)],
)
def test_pairs_that_holm_asks_for(comparisons: int, pairs: int) -> None:
    assert pairs_needed(comparisons, 0.05) == pairs
    assert smallest_p(pairs) * comparisons <= 0.05 < smallest_p(pairs - 1) * comparisons
