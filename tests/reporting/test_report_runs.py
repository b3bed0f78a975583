from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, JOINT, MakeRecord

from benchmarks.reporting.collect import collect
from benchmarks.reporting.html import runs
from benchmarks.reporting.html.runs import columns, run_rows


def test_a_row_a_run_with_its_numbers(make: MakeRecord, tmp_path: Path) -> None:
    make("joint", matrix=JOINT)
    make("ness")
    make("gpm", status="failed", error="x", matrix=CUT_OFF, tasks=[])
    collection = collect(tmp_path)
    shown = columns(collection)
    joint, gpm, ness = run_rows(collection, shown)
    of_ness = dict(zip(shown, ness.cells, strict=True))
    assert (ness.label, ness.seed, ness.status) == ("ness", "0", "finished")
    assert of_ness["acc"] == ("78.00", "")
    assert of_ness["bwt"] == ("-21.00", "")
    assert of_ness["state_bytes"] == ("2.0 KiB", "2048")
    assert dict(zip(shown, joint.cells, strict=True))["bwt"] == ("—", "")
    assert gpm.cells[0] == ("—", "")


def test_metrics_that_no_run_has_get_no_column(make: MakeRecord, tmp_path: Path) -> None:
    make("joint", matrix=JOINT)
    shown = columns(collect(tmp_path))
    assert "acc" in shown
    assert "bwt" not in shown


def test_many_runs_show_the_headline_alone(
    make: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("ness")
    monkeypatch.setattr(runs, "MANY", 0)
    assert list(columns(collect(tmp_path))) == ["acc", "bwt", "forgetting", "seconds"]
