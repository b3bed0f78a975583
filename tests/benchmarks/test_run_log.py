"""work/<id>/log tells the story of a run, over all its attempts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from small_runs import interrupt_at, run_spec

import baselines
from benchmarks.run import run
from benchmarks.workdir import WorkDir

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 (INFO|WARNING|ERROR) (.*)")


def told(out: Path, run_id: str) -> list[str]:
    """What the lines say; those of a traceback belong to the one before."""
    matches = [LINE.fullmatch(line) for line in WorkDir(out, run_id).log.read_text().splitlines()]
    return [match[2] for match in matches if match]


def test_the_log_tells_what_where_and_how_each_task_went(tmp_path: Path) -> None:
    spec = run_spec("naive")
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path, notify=interrupt_at(task=1))
    record = run(spec, tmp_path)
    first, process, begins, ends, again, *rest = told(tmp_path, spec.id)
    assert first.startswith(f'run {spec.id}: {{"stream": "split_digits/til"')
    assert process.startswith(f'process {os.getpid()} in {{"ness"')
    assert '"torch"' in process
    assert begins == "task 1 of 3 begins"
    assert ends.startswith("task 1 ends: 2 epochs, weights of epoch ")
    assert ends.endswith(f"accuracy {record.accuracy_matrix[0][0]:.2f} - -")
    assert again == "task 2 of 3 begins"
    assert rest[1:3] == [first, process]
    assert [line.partition(":")[0] for line in [rest[0], *rest[3:]]] == [
        "going on after task 1",
        "task 2 of 3 begins",
        "task 2 ends",
        "task 3 of 3 begins",
        "task 3 ends",
        "finished",
    ]
    assert rest[-2].endswith(" ".join(f"{value:.2f}" for value in record.accuracy_matrix[2]))


def test_the_log_has_the_whole_traceback_of_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("boom")

    spec = run_spec("naive")
    monkeypatch.setattr(baselines.load("naive"), "begin_task", fail)
    run(spec, tmp_path)
    assert told(tmp_path, spec.id)[-2:] == ["task 1 failed", "failed: RuntimeError: boom"]
    text = WorkDir(tmp_path, spec.id).log.read_text()
    assert "Traceback (most recent call last)" in text
    assert "in fail" in text
