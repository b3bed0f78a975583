"""What must hold after any fault: one line that says what to do, whole files, a way to go on."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

from damage import SMALLER
from small_runs import SMALL
from test_run import numbers

from benchmarks.records import RunRecord, read_all
from benchmarks.workdir import WorkDir

AGAIN = "start the same command again: it goes on from the last finished task"


def small_sweep(out: Path, strategies: str, *overrides: str) -> list[str]:
    """The arguments of a sweep of a tenth of a second a run."""
    keys = [f"strategies={strategies}", *SMALLER, *overrides]
    sets = [word for key in keys for word in ("--set", key)]
    return ["sweep", str(SMALL), "--out", str(out), *sets]


def results(out: Path) -> dict[str, dict[str, Any]]:
    """What every finished run below a folder has measured."""
    found = {}
    for record in read_all(out):
        assert isinstance(record, RunRecord), record
        assert record.status == "finished", record.error
        found[record.id] = numbers(record)
    return found


def require_whole(out: Path) -> None:
    """Nothing below a results folder is torn, and no writer has left a part of a file."""
    assert not list(out.rglob("*.partial"))
    assert all(isinstance(record, RunRecord) for record in read_all(out))
    for folder in (out / "work").iterdir():
        work = WorkDir(out, folder.name)
        if work.events.exists():
            text = work.events.read_text()
            assert all(json.loads(line)["event"] for line in text.splitlines())
            assert text == "" or text.endswith("\n")
        if work.trace.exists():
            rows = list(csv.reader(work.trace.open()))
            assert {len(row) for row in rows} <= {5}
        if work.checkpoint.exists():
            state = work.load_checkpoint()
            assert state is not None
            record = RunRecord.from_json(state["record"].encode())
            assert state["tasks_done"] == len(record.tasks) > 0


PROGRESS = re.compile(
    r"\d{4}-\d\d-\d\dT\S+ (.* has begun|.* goes on with task .*|.*: finished in .*|.*% of .*)"
    r"|.*/(sweep\.)?log: cannot be written \(.*\); going on without"
)
"""Lines of a sweep that goes well but for its logs."""


def faults_said(errors: str) -> list[str]:
    """The lines of a sweep on stderr that are no progress."""
    assert "Traceback" not in errors
    return [line for line in errors.splitlines() if not PROGRESS.fullmatch(line)]


def interruptions(errors: str) -> list[str]:
    """The lines of what was interrupted; there may be no others but progress."""
    lines = faults_said(errors)
    for line in lines:
        assert ": interrupted: " in line, line
        assert line.endswith(AGAIN), line
    return lines
