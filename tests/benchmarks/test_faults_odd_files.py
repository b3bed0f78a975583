"""Folders, pipes and dangling links in the place of a run's files; text that is no text."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import cli
from faults import faults_said, interruptions, require_whole, results, small_sweep
from small_runs import interrupt_at, run_specs
from test_run import numbers

import baselines
from benchmarks.records import RunRecord, read_all, record_path
from benchmarks.run import run
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir

SMALLEST = ("backbone_args.hidden=[4]", "protocol.epochs=1")


def folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("kept")


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("unmounted") / "file")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def file(path: Path) -> None:
    path.write_text("mine")


KINDS = [folder, dangling_link, pipe]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("name", ["events.jsonl", "log", "trace.csv", "checkpoint.pt"])
def test_what_is_no_file_is_named_and_set_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, make: Callable[[Path], None]
) -> None:
    (spec,) = run_specs(["ness"], [1], *SMALLEST)
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path, notify=interrupt_at(task=1))
    path = WorkDir(tmp_path, spec.id).folder / name
    path.unlink(missing_ok=True)
    make(path)
    capsys.readouterr()
    assert sweep([spec], tmp_path) == {"finished": 1}
    said = faults_said(capsys.readouterr().err)
    assert said == [f"{path}: not a file; kept as {name}.damaged-1"]
    assert os.path.lexists(path.with_name(f"{name}.damaged-1"))
    record = RunRecord.read(record_path(tmp_path, spec.stream, "ness", spec.id))
    assert numbers(record) == numbers(run(spec, tmp_path / "alone"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [file, dangling_link, pipe])
def test_a_work_folder_that_is_none_is_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    out = tmp_path / "out"
    command = small_sweep(out, '["naive","frozen"]')
    specs = run_specs(["naive"], [1], "stream_args.tasks=2", *SMALLEST)
    work = WorkDir(out, specs[0].id).folder
    work.parent.mkdir(parents=True)
    make(work)
    status, printed, errors = cli(*command)
    assert (status, printed) == (1, "1 finished, 1 interrupted\n")
    (line,) = interruptions(errors)
    assert f"{work}: cannot be written (" in line
    assert "move away what is in its place and" in line
    assert cli("status", out)[0] == 0
    work.unlink()
    assert cli(*command)[:2] == (0, "2 finished\n")


@pytest.mark.parametrize("make", [dangling_link, pipe, folder])
def test_what_is_in_the_place_of_a_record(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (spec,) = run_specs(["naive"], [1], *SMALLEST)
    path = record_path(tmp_path, spec.stream, "naive", spec.id)
    path.parent.mkdir(parents=True)
    make(path)
    assert sweep([spec], tmp_path) == {"finished": 1}
    assert RunRecord.read(path).status == "finished"


def test_an_error_that_is_no_text_is_a_record_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a file is bytes to Linux; Python hands them on as lone surrogates."""
    name = os.fsdecode(b"image \xff.png")

    def fail(*_: Any) -> None:
        raise FileNotFoundError(2, "No such file \ud800", name)

    command = small_sweep(tmp_path, '["naive","ness"]')
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest-xdist sends text alone
    with monkeypatch.context() as patch:
        patch.setattr(baselines.load("ness"), "begin_task", fail)
        status, printed, _ = cli(*command)
    assert (status, printed) == (1, "1 failed, 1 finished\n")
    (failed,) = (record for record in read_all(tmp_path) if record_failed(record))
    assert str(failed.error).rstrip().endswith("No such file \\ud800: 'image \\udcff.png'")
    for look in ("status", "tables", "plots"):
        assert cli(look, tmp_path)[0] == 0
    assert "No such file" in cli("status", tmp_path)[1]
    assert cli(*command, "--retry", "failed")[:2] == (0, "2 finished\n")


def record_failed(record: object) -> bool:
    assert isinstance(record, RunRecord), record
    return record.status == "failed"


def test_a_results_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"results \xff")
    assert cli(*small_sweep(out, '["naive"]'))[0] == 0
    require_whole(out)
    assert cli("status", out)[0] == 0
    for command in ("tables", "plots"):
        assert cli(command, out)[0] == 0
    assert len(results(out)) == 1
    (out / "tables").rename(out / "kept")
    (out / "tables").write_text("in the way")
    status, _, errors = cli("tables", out)
    assert (status, len(errors.splitlines())) == (2, 1)
