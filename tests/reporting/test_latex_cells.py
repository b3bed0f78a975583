"""Headings and numbers as LaTeX."""

from __future__ import annotations

import pytest

from benchmarks.reporting.cells import Cell
from benchmarks.reporting.latex_cells import as_cell, as_heading, column_width


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Cell("78.00"), "78.00"),
        (Cell("-1.00 ± 2.00"), r"$-$1.00$_{\pm 2.00}$"),
        (Cell("21.5 ± 1.7 KiB"), r"21.5$_{\pm 1.7}$ KiB"),
        (Cell("78.00 ± 2.00", mark="best"), r"\textbf{78.00}$_{\pm 2.00}$"),
        (Cell("[-0.97, 0.41]"), r"{[}$-$0.97, 0.41{]}"),
        (Cell("6.1e-05"), "6.1e-05"),
        (Cell("—", footnote="a"), r"---\rlap{$^{\mathrm{a}}$}"),
        (
            Cell("7.00 ± 2.00", footnote="b", mark="second", is_within_noise=True),
            r"\underline{7.00}$_{\pm 2.00}$\rlap{$^{\mathrm{b}\dagger}$}",
        ),
    ],
)
def test_cells(cell: Cell, shown: str) -> None:
    assert as_cell(cell) == shown


def test_headings_are_no_wider_than_their_column() -> None:
    assert as_heading("n", 5) == "$n$"
    assert as_heading("ACC (%)", 100) == r"ACC (\%)"
    assert as_heading("Seconds per task", 45) == r"\shortstack[r]{Seconds\\per task}"
    assert as_heading("Seconds per task", 28) == r"\shortstack[r]{Seconds\\per\\task}"


def test_a_column_is_as_wide_as_its_widest_cell_or_word() -> None:
    # TeX measures 38.9 points for 44.44 with a spread, in bold 41.9, with a minus 41.3 for 8.80.
    assert 38.9 <= column_width("ACC (%)", [Cell("44.44 ± 1.30"), Cell("1")]) <= 42
    assert 41.9 <= column_width("ACC (%)", [Cell("53.46 ± 2.40", mark="best")]) <= 44
    assert 41.3 <= column_width("BWT (%)", [Cell("-8.80 ± 1.13")]) <= 44
    assert column_width("Consolidation seconds", []) > column_width("CPU seconds", [Cell("1")])
