from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import BadInput
from benchmarks.reporting.html.tuning import tuning_section
from benchmarks.reporting.search import Search, search_path
from benchmarks.reporting.search_parts import Configuration, Method


def test_a_search_whose_runs_are_missing(tmp_path: Path) -> None:
    tried = [Configuration(values={"eps": eps}, runs=[f"{eps}"]) for eps in (0.1, 0.2)]
    Search(
        spec="demo.toml",
        overrides=[],
        stream="split_digits/til",
        keep=["best"],
        budget=2,
        seeds=[11],
        methods=[Method(strategy="ness", there_are=2, configurations=tried)],
    ).write(tmp_path)
    section = tuning_section(tmp_path)
    assert section is not None
    assert "split_digits/til" in section.caption
    ((label, cells),) = section.methods
    assert (label, [cell.text for cell in cells][:2]) == ("ness", ["\N{EM DASH}", "2"])
    assert [cells[0].text for _, cells in section.configurations] == ["eps=0.1", "eps=0.2"]
    assert any("Not complete" in note for note in section.notes)


def test_none_and_a_damaged_one(tmp_path: Path) -> None:
    assert tuning_section(tmp_path) is None
    path = search_path(tmp_path)
    path.parent.mkdir()
    path.write_text("{}")
    with pytest.raises(BadInput, match=r"search\.json"):
        tuning_section(tmp_path)
