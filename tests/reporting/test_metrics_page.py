"""docs/metrics.md: every metric of the tables, and nothing that the docstrings do not say."""

from __future__ import annotations

import pytest

from benchmarks.reporting.metrics_page import PAGE, page
from benchmarks.reporting.registry import METRICS


def test_the_page_is_the_one_that_the_docstrings_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/metrics.md is old: run `make metrics`"


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_row(name: str) -> None:
    (row,) = [line for line in page().splitlines() if f"| `{name}` " in line]
    assert METRICS[name].label in row
    assert METRICS[name].definition.formula.rstrip(".") in row
    if METRICS[name].unit == "%":
        assert ("higher" if METRICS[name].higher_is_better else "lower") in row


def test_every_paper_that_is_cited_is_listed() -> None:
    table, _, papers = page().partition("## Papers")
    for metric in METRICS.values():
        source = metric.definition.source
        for author in ("Lopez-Paz", "Chaudhry", "Riemer", "Rebuffi", "De Lange"):
            assert (author in source) <= (author in papers)
    assert "2017" in table
