"""The table of a search: what won, by how much, and everything that a reader has to know."""

from __future__ import annotations

from pathlib import Path

import pytest
from search_examples import NAIVE, NESS, searched

from benchmarks.reporting.tuning import as_latex, as_markdown, as_text, frame, write_tuning


def test_a_row_says_what_won_and_what_it_gained() -> None:
    rows = [line.split() for line in as_text(searched(NESS, NAIVE)).splitlines()[4:]]
    assert rows == [
        ["ness", "eps=0.01", "3", "80.00", "84.50", "+4.50"],
        ["naive", "the", "spec's", "1", "70.00", "70.00", "+0.00"],
    ]


def test_every_configuration_is_in_the_page_and_in_the_csv() -> None:
    search = searched(NESS, NAIVE)
    page = as_markdown(search, ["a note"])
    said = "- a note", "validation accuracy of SPEC.toml"
    for text in ("eps=0.001", "eps=0.01", "eps=0.1", *said):
        assert text in page
    rows = frame(search)
    assert rows["mean"].tolist() == [80.0, 84.5, 82.0, 70.0]
    assert rows["best"].tolist() == [False, True, False, True]
    assert rows["of_the_spec"].tolist() == [True, False, False, True]


@pytest.mark.parametrize("sign", ["\\toprule", "eps=0.01", "+4.50", "a note"])
def test_latex_has_the_same_table(sign: str) -> None:
    text = as_latex(searched(NESS, NAIVE), ["a note"])
    assert sign in text.replace(r"\allowbreak{}", "")


def test_files_are_written_alike_twice(tmp_path: Path) -> None:
    search = searched(NESS, NAIVE)
    paths = write_tuning(search, tmp_path)
    assert [path.name for path in paths] == [
        "search.json",
        "tuning.md",
        "tuning.tex",
        "tuning.csv",
    ]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_tuning(search, tmp_path)] == first
