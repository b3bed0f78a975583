from __future__ import annotations

import json
from pathlib import Path

from reporting_records import CUT_OFF, MakeRecord

from benchmarks.reporting.collect import collect
from benchmarks.reporting.html.progress import progress


def test_a_folder_that_a_sweep_is_filling(make: MakeRecord, tmp_path: Path) -> None:
    ended = make("ness")
    make("gpm", status="failed", error="x", matrix=CUT_OFF, tasks=[])
    for run in (ended.id, "b" * 16):
        (tmp_path / "work" / run).mkdir(parents=True)
    runs = {run: ["split_digits/til", "ness", 0] for run in (ended.id, "b" * 16, "c" * 16)}
    (tmp_path / ".sweeps").mkdir()
    (tmp_path / ".sweeps" / "one.json").write_text(json.dumps(runs))
    found = progress(collect(tmp_path))
    assert (found.total["finished"], found.total["failed"]) == (1, 1)
    assert (found.begun, found.missing, found.is_over) == (1, 1, False)
    assert found.streams["split_digits/til"]["methods"] == 2


def test_a_folder_that_is_full(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    assert progress(collect(tmp_path)).is_over


def test_records_that_say_running_are_counted(make: MakeRecord, tmp_path: Path) -> None:
    make(status="running", matrix=CUT_OFF)
    assert progress(collect(tmp_path)).begun == 1
