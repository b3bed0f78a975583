"""Notes that only some folders need."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from reporting_records import MakeRecord

from benchmarks.records import record_path
from benchmarks.reporting.notes import seeds
from benchmarks.reporting.tables import write_tables


def test_a_mixture_of_image_sets_is_noted(make: MakeRecord, tmp_path: Path) -> None:
    make("naive", described={"data_hash": "a" * 64})
    write_tables(tmp_path)
    assert "image sets" not in (tmp_path / "tables" / "split_digits-til.md").read_text()
    make("ness", described={"data_hash": "b" * 64})
    write_tables(tmp_path)
    text = (tmp_path / "tables" / "split_digits-til.md").read_text()
    assert (
        "- The runs are on 2 image sets (data_hash aaaaaaaaaaaa, bbbbbbbbbbbb): compare rows of "
        "the same one alone, or give each set a folder of its own."
    ) in text
    assert "| ness [data_hash=bbbbbbbbbbbb] " in text
    assert "| naive [data_hash=aaaaaaaaaaaa] " in text
    tex = (tmp_path / "tables" / "split_digits-til.tex").read_text()
    assert r"The runs are on 2 image sets (data\_hash aaaaaaaaaaaa, bbbbbbbbbbbb)" in tex


def test_runs_of_several_commits_and_uncommitted_code_are_noted(
    make: MakeRecord, tmp_path: Path
) -> None:
    make(seed=1, environment={"git_commit": "a" * 40, "git_dirty": False})
    write_tables(tmp_path)
    path = tmp_path / "tables" / "split_digits-til.md"
    assert "The runs are of" not in path.read_text()
    make(seed=2, environment={"git_commit": "b" * 40, "git_dirty": True})
    make(seed=3, environment={"git_commit": None, "git_dirty": None})
    write_tables(tmp_path)
    assert "- The runs are of 2 commits: aaaaaaa, bbbbbbb." in path.read_text()
    assert "- Made with changes that were not committed: 1 of 3 runs." in path.read_text()


@pytest.mark.parametrize(
    ("listed", "shown"),
    [
        ([1], "seed 1"),
        ([1, 2, 3], "seeds 1, 2, 3"),
        ([1, 2, 3, 4], "seeds 1 to 4"),
        ([1, 2, 3, 4, 37], "seeds 1 to 4, 37"),
        ([0, 2, 3, 4, 5, 9, 10], "seeds 0, 2 to 5, 9, 10"),
        ([1, 1, float("nan")], "seeds 1, 1, \N{EM DASH}"),
    ],
)
def test_seeds_in_a_row_are_a_span(listed: list[object], shown: str) -> None:
    assert seeds(pd.DataFrame({"seed": pd.Series(listed, dtype=object)})) == shown


def test_records_without_a_checksum_are_counted(make: MakeRecord, tmp_path: Path) -> None:
    records = [make("ness", seed) for seed in (1, 2, 3)]
    write_tables(tmp_path)
    path = tmp_path / "tables" / "split_digits-til.md"
    assert "checksum" not in path.read_text()
    for record in records[:2]:
        stored = record_path(tmp_path, "split_digits/til", "ness", record.id)
        value = json.loads(stored.read_text())
        del value["sha256"]
        stored.write_text(json.dumps(value))
    write_tables(tmp_path)
    assert (
        "- 2 of 3 records have no checksum, as those from before there were any: an edited number "
        "in them would not be noticed."
    ) in path.read_text()
