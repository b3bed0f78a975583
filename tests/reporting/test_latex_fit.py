"""The size in which a table fits a line."""

from __future__ import annotations

import pytest

from benchmarks.reporting.latex_fit import LINE, ROWS, SIZES, fit, width


@pytest.mark.parametrize(
    ("text", "measured"),
    # What TeX measures in \footnotesize.
    [
        ("44.44", 19.4),
        ("44.5 MiB", 34.1),
        ("accuracy (%)", 48.9),
        ("cumulative", 40.4),
        ("[98.38, 100.10]", 52.9),
        ("strategy_", 33.1),
    ],
)
def test_widths_are_rather_too_wide(text: str, measured: float) -> None:
    assert measured <= width(text) <= 1.1 * measured


def test_a_narrow_table_is_set_as_it_is() -> None:
    found = fit([["Strategy", "gpm", "ness"]], [20.0, 40.0])
    assert (found.size, found.texts, found.is_broken) == (SIZES[0], ["l"], False)
    assert found.heights == [9.5, 9.5]


def test_labels_break_before_numbers_shrink() -> None:
    label = "ness [strategy_args.eps=0.01, optimizer.lr=0.1]"
    found = fit([["Strategy", "gpm", label]], [40.0] * 5)
    # 345 - 5 * 40 - 2 * 3 * 5 = 115 points are left.
    assert (found.size, found.texts) == (SIZES[0], [r"p{0.33\linewidth}"])
    assert found.heights == [9.5, 9.5 * 2]


def test_numbers_shrink_where_no_label_can_break_far_enough() -> None:
    found = fit([["Strategy", "cumulative"]], [45.0] * 6)
    # At 3 points 345 - 270 - 36 = 39 are left of the 42 it needs, at 0.94 of the size 55.
    assert found.size == SIZES[1]
    assert fit([["Strategy", "cumulative"]], [LINE / 4] * 5).size == SIZES[-1]


def test_many_rows_shrink_to_a_page_but_not_beyond_legible() -> None:
    column = ["Strategy", *["gpm"] * 50]
    assert 50 * SIZES[0].baseline > ROWS > 50 * SIZES[1].baseline
    assert fit([column], [40.0]).size == SIZES[1]
    assert fit([column * 2], [40.0]).size == SIZES[0]


def test_two_columns_of_words_share_what_is_left() -> None:
    found = fit([["Strategy", "gpm"], ["Values", "threshold=0.97, " * 8]], [30.0] * 4)
    first, second = (float(text[2:6]) for text in found.texts)
    assert 0 < first < second
    assert (first + second) * LINE <= LINE - 4 * 30 - 2 * 3 * 5
