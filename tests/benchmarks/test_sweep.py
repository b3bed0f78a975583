"""A sweep runs what is missing, once, and says how everything ended."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from small_runs import interrupt_at, run_spec, run_specs
from test_run import starts

import baselines
from benchmarks.claim_files import ClaimFiles
from benchmarks.claim_owners import Owner
from benchmarks.claims import claim
from benchmarks.errors import BadInput
from benchmarks.records import RunRecord, record_path
from benchmarks.results_folder import prepare
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.status import status
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir


def path_of(out: Path, spec: RunSpec) -> Path:
    return record_path(out, spec.stream, spec.strategy, spec.id)


def fail(*_: Any) -> None:
    raise RuntimeError("boom")


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    first = run_specs(["naive"], [1, 2])
    assert sweep(first, tmp_path) == {"finished": 2}
    written = {spec.id: path_of(tmp_path, spec).read_bytes() for spec in first}
    more = run_specs(["naive", "frozen"], [1, 2])
    assert sweep(more, tmp_path) == {"finished": 4}
    assert [starts(tmp_path, spec) for spec in more] == [1] * 4
    assert {spec.id: path_of(tmp_path, spec).read_bytes() for spec in first} == written


def test_a_damaged_record_is_named_set_aside_and_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = run_specs(["naive"], [1, 2])
    sweep(specs, tmp_path)
    path = path_of(tmp_path, specs[0])
    content = path.read_bytes()
    path.write_bytes(content[:500])
    capsys.readouterr()
    assert sweep(specs, tmp_path) == {"finished": 2}
    assert f"{path}: damaged record" in capsys.readouterr().err
    assert path.with_name(f"{path.name}.damaged-1").read_bytes() == content[:500]
    again = RunRecord.read(path)
    assert again.accuracy_matrix == RunRecord.model_validate_json(content).accuracy_matrix
    assert [starts(tmp_path, spec) for spec in specs] == [2, 1]


def test_failed_and_diverged_runs_do_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = run_specs(["naive", "frozen", "lora"], [1], "strategy.lora.optimizer.lr=1e20")
    with monkeypatch.context() as patch:
        patch.setattr(baselines.load("frozen"), "begin_task", fail)
        counts = sweep(specs, tmp_path)
    assert counts == {"finished": 1, "failed": 1, "diverged": 1}
    found = status(tmp_path)
    assert not found.running
    assert not found.interrupted
    assert any(line.startswith("failed: frozen seed 1") and "boom" in line for line in found.errors)
    assert any(line.startswith("diverged: lora seed 1") for line in found.errors)

    assert sweep(specs, tmp_path) == counts, "left alone unless told otherwise"
    assert [starts(tmp_path, spec) for spec in specs] == [1, 1, 1]
    again = sweep(specs, tmp_path, retry=frozenset({"failed"}))
    assert again == {"finished": 2, "diverged": 1}
    assert [starts(tmp_path, spec) for spec in specs] == [1, 2, 1]


def test_every_spec_is_checked_before_the_first_is_trained(tmp_path: Path) -> None:
    specs = run_specs(["naive", "ness"], [1], "strategy.ness.include=conv*")
    with pytest.raises(BadInput, match="matches no layer"):
        sweep(specs, tmp_path)
    assert not list(tmp_path.rglob("events.jsonl"))


def test_bad_input_loses_nothing_that_was_computed(tmp_path: Path) -> None:
    good = run_spec()
    sweep([good], tmp_path)
    content = path_of(tmp_path, good).read_bytes()
    with pytest.raises(BadInput):
        sweep(run_specs(["naive", "ness"], [1], "strategy.ness.include=x"), tmp_path)
    assert path_of(tmp_path, good).read_bytes() == content


@pytest.mark.parametrize("finishes", [True, False])
def test_a_run_that_someone_else_works_on_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finishes: bool
) -> None:
    mine, theirs = run_specs(["naive"], [1, 2])
    run(theirs, tmp_path / "elsewhere")
    waited: list[float] = []

    def other_sweep(seconds: float) -> None:
        """Looked at in place of a pause: the other ends its run, or gives it up."""
        waited.append(seconds)
        assert path_of(tmp_path, mine).exists()
        if finishes:
            path_of(tmp_path, theirs).write_bytes(
                path_of(tmp_path / "elsewhere", theirs).read_bytes()
            )
        held.close()

    held = ExitStack()
    held.enter_context(claim(WorkDir(tmp_path, theirs.id).claim))
    monkeypatch.setattr("benchmarks.sweep.sleep", other_sweep)
    assert status(tmp_path).running == [theirs.id]
    assert sweep([theirs, mine], tmp_path) == {"finished": 2}
    assert len(waited) == 1
    log = (tmp_path / "sweep.log").read_text()
    assert log.count("waiting for 1 run that another sweep works on") == 1
    assert WorkDir(tmp_path, theirs.id).events.exists() != finishes


def test_a_run_that_someone_else_has_taken_over_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process had been stopped for so long that it was taken for dead."""
    spec = run_spec()
    work = WorkDir(tmp_path, spec.id)
    files, held = ClaimFiles(work.claim), ExitStack()
    mine = []

    def overtake(self: WorkDir, epoch: Any) -> None:
        if not mine:
            mine.append(files.newest())
            files.release(Owner.model_validate_json(files.at(mine[0]).read_bytes()), mine[0])
            held.enter_context(claim(work.claim))
        add_epoch(self, epoch)

    def other_sweep(_: float) -> None:
        """Gives the run up, in place of a pause."""
        assert not work.checkpoint.exists()
        assert not path_of(tmp_path, spec).exists()
        held.close()

    add_epoch = WorkDir.add_epoch
    monkeypatch.setattr(WorkDir, "add_epoch", overtake)
    monkeypatch.setattr("benchmarks.sweep.sleep", other_sweep)
    assert sweep([spec], tmp_path) == {"finished": 1}
    assert starts(tmp_path, spec) == 2
    assert mine


def test_two_sweeps_on_one_folder_never_run_a_spec_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other finishes a run after this one has looked what is missing."""
    specs = run_specs(["naive"], [1, 2])
    from benchmarks import run as module

    def other_sweep(spec: RunSpec, *_: Any, **__: Any) -> None:
        for each in specs:
            run(each, tmp_path)

    monkeypatch.setattr(module, "check", other_sweep)
    assert sweep(specs, tmp_path) == {"finished": 2}
    assert [starts(tmp_path, spec) for spec in specs] == [1, 1]


def test_a_run_that_two_sweeps_are_to_retry_is_repeated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = run_specs(["lora"], [1, 2], "strategy.lora.optimizer.lr=1e20")
    assert sweep(specs, tmp_path) == {"diverged": 2}
    from benchmarks import run as module

    retry, checks = frozenset({"diverged"}), iter([True])

    def other_sweep(*_: Any, **__: Any) -> None:
        """It comes in between: after this one has looked, before it runs anything."""
        if next(checks, False):
            assert sweep(specs, tmp_path, retry=retry) == {"diverged": 2}

    monkeypatch.setattr(module, "check", other_sweep)
    assert sweep(specs, tmp_path, retry=retry) == {"diverged": 2}
    assert [starts(tmp_path, spec) for spec in specs] == [2, 2]


def test_a_refused_sweep_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        sweep(run_specs(["ness"], [1], "strategy.ness.include=x"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_interrupts_and_the_next_sweep_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = run_spec()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "write", full)
        assert sweep([spec], tmp_path) == {"interrupted": 1}
    assert status(tmp_path).interrupted == [spec.id]
    assert sweep([spec], tmp_path) == {"finished": 1}


def test_status_lists_what_was_interrupted(tmp_path: Path) -> None:
    spec = run_spec()
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path, notify=interrupt_at(task=1))
    found = status(tmp_path)
    assert found.interrupted == [spec.id]
    text = found.text()
    assert f"interrupted: naive seed 1 ({spec.id}): task 2/3, epoch 1/2" in text
    assert text.splitlines()[2].split()[2:] == ["0", "1"]
    sweep([spec], tmp_path)
    assert status(tmp_path).interrupted == []


def test_progress_is_plain_whole_lines_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(run_specs(["naive", "ness"], [1]), tmp_path)
    told = [line.split(maxsplit=1)[1] for line in capsys.readouterr().err.splitlines()]
    assert [re.sub(r" in \d+ s$", "", line) for line in told] == [
        "split_digits/til naive seed 1 has begun",
        "[1/2] split_digits/til naive seed 1: finished",
        "split_digits/til ness seed 1 has begun",
        "[2/2] split_digits/til ness seed 1: finished",
    ]


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere/results"])
def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match=r"cannot write there .*; give another folder with --out"):
        sweep([run_spec()], tmp_path / out)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_system_without_hard_links_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(BadInput, match=r"work: its file system makes no hard links .* --out"):
        sweep([run_spec()], tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["runs", "work"]


def test_a_folder_is_made_ready_by_many_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(prepare, [tmp_path / "out"] * 40))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out", "runs", "work"]
