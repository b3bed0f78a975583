"""What a process leaves that is killed while it writes its record, or just after, goes away."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_runs import interrupt_at, run_spec
from test_run import starts
from tortured_folder import files_but_logs

from benchmarks.claims import claim, is_released
from benchmarks.records import RunRecord, record_path
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir


def files(out: Path) -> set[str]:
    """Names of all files but logs, released claims and the lists of sweeps."""
    return {path.name for path in files_but_logs(out)}


def clean(spec: RunSpec) -> set[str]:
    return {f"{spec.id}.json", "trace.csv", "events.jsonl"}


def claim_and_die(path: Path) -> None:
    code = (
        "import os, pathlib, sys; from benchmarks.claims import claim; "
        "held = claim(pathlib.Path(sys.argv[1])); held.__enter__(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    assert not is_released(path)


def test_half_a_record_of_a_killed_writer_is_removed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = run_spec()
    path = record_path(tmp_path, spec.stream, spec.strategy, spec.id)

    def die(*_: Any) -> None:
        path.parent.mkdir(parents=True)
        path.with_name(f".{path.name}.12345.partial").write_text('{"half')
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "write", die)
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path)
    assert f".{path.name}.12345.partial" in files(tmp_path)
    assert sweep([spec], tmp_path) == {"finished": 1}
    assert files(tmp_path) == clean(spec)


def test_a_sweep_tidies_up_after_a_run_that_was_killed_behind_its_record(tmp_path: Path) -> None:
    spec = run_spec()
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "begun", notify=interrupt_at(task=2))
    run(spec, tmp_path)
    work = WorkDir(tmp_path, spec.id)
    work.checkpoint.write_bytes(WorkDir(tmp_path / "begun", spec.id).checkpoint.read_bytes())
    claim_and_die(work.claim)
    assert sweep([spec], tmp_path) == {"finished": 1}
    assert starts(tmp_path, spec) == 1
    assert is_released(work.claim)
    shutil.rmtree(tmp_path / "begun")
    assert files(tmp_path) == clean(spec)


def test_nothing_is_taken_from_a_process_that_is_about_to_end(tmp_path: Path) -> None:
    spec = run_spec()
    run(spec, tmp_path)
    work = WorkDir(tmp_path, spec.id)
    with claim(work.claim):
        work.checkpoint.touch()
        assert sweep([spec], tmp_path) == {"finished": 1}
        assert work.checkpoint.exists()


def test_the_checkpoint_of_a_failed_run_outlives_any_sweep_that_does_not_retry_it(
    tmp_path: Path,
) -> None:
    spec = run_spec()

    def fail(task: int, *_: int) -> None:
        if task == 2:
            raise RuntimeError("the disk is on fire")

    assert run(spec, tmp_path, notify=fail).status == "failed"
    claim_and_die(WorkDir(tmp_path, spec.id).claim)
    assert sweep([spec], tmp_path) == {"failed": 1}
    assert run(spec, tmp_path).status == "failed"
    assert WorkDir(tmp_path, spec.id).checkpoint.exists()
    assert is_released(WorkDir(tmp_path, spec.id).claim)
    trained: list[int] = []
    run(spec, tmp_path, notify=lambda task, *_: trained.append(task), retry=frozenset({"failed"}))
    assert set(trained) == {2}
