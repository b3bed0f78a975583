"""What a folder says of its sweeps from another shell."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_runs import interrupt_at, run_spec, run_specs

from benchmarks.claims import claim
from benchmarks.errors import BadInput
from benchmarks.expected import expect, expected
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.status import Status, status
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir


def interrupted(out: Path, spec: RunSpec, task: int) -> WorkDir:
    with pytest.raises(KeyboardInterrupt):
        run(spec, out, notify=interrupt_at(task, epoch=1))
    return WorkDir(out, spec.id)


def counts(found: Status) -> dict[str, dict[str, int]]:
    return {strategy: dict(counter) for (_, strategy), counter in found.counts.items()}


def test_every_run_of_a_sweep_is_somewhere(tmp_path: Path) -> None:
    specs = run_specs(["naive", "ness"], [1, 2, 3])
    sweep(specs[:1], tmp_path)
    expect(specs, tmp_path)
    work = interrupted(tmp_path, specs[2], task=1)
    begun = interrupted(tmp_path, specs[3], task=0)
    with claim(work.claim):
        found = status(tmp_path)
    assert counts(found) == {
        "naive": {"finished": 1, "running": 1, "missing": 1},
        "ness": {"interrupted": 1, "missing": 2},
    }
    assert found.running == [specs[2].id]
    assert found.interrupted == [specs[3].id]
    assert found.left[specs[2].id] is not None
    assert found.all_left is not None
    assert found.all_left > found.left[specs[2].id]
    *_, one, two, three, last = found.text().splitlines()
    for line in (one, two, three):
        if line.startswith("running"):
            assert f"naive seed 2 ({work.folder.name}): task 2/3, epoch 2/2" in line
        elif line.startswith("  "):
            assert f"{socket.gethostname()}, pid {os.getpid()}, last sign of life" in line
        else:
            assert f"interrupted: ness seed 2 ({begun.folder.name}): task 1/3" in line
    assert last.startswith("1/6 runs, about ")
    without = status(tmp_path)
    assert (without.running, without.all_left) == ([], None)


def test_what_is_left_of_a_running_run_is_told_from_its_pace(tmp_path: Path) -> None:
    spec = run_spec()
    work = interrupted(tmp_path, spec, task=1)
    now = time.time()
    os.utime(work.trace, (now, now))
    lines = [json.loads(line) for line in work.events.read_text().splitlines()]
    for line in lines:
        if line["event"] == "train":  # four epochs, ten seconds each
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - 40))
            line["time"] = f"{moment}+00:00"
    work.events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with claim(work.claim):
        found = status(tmp_path)
    assert found.left[spec.id] == pytest.approx(2 * 10, abs=5)
    assert found.runs[0].sign_s < 30


def test_a_failed_run_that_is_retried_is_running(tmp_path: Path) -> None:
    def fail(*_: int) -> None:
        raise RuntimeError("boom")

    spec = run_spec()
    run(spec, tmp_path, notify=fail)
    assert counts(status(tmp_path)) == {"naive": {"failed": 1}}
    with claim(WorkDir(tmp_path, spec.id).claim):
        assert counts(status(tmp_path)) == {"naive": {"running": 1}}


def test_status_for_programs(tmp_path: Path) -> None:
    spec = run_spec()
    interrupted(tmp_path, spec, task=1)
    command = [sys.executable, "-X", "importtime", "-m", "benchmarks", "status", str(tmp_path)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    data = json.loads(done.stdout)
    assert data["counts"][0]["interrupted"] == 1
    (told,) = data["runs"]
    assert (told["id"], told["strategy"], told["seed"]) == (spec.id, "naive", 1)
    assert told["position"] == {"task": 2, "epoch": 2, "tasks": 3}
    assert (data["done"], data["expected"]) == (0, 1)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "benchmarks.status" in imported
    assert not imported & {"torch", "avalanche", "pandas", "matplotlib", "sklearn"}


@pytest.mark.parametrize(
    "left", ["", "[]", "nonsense", '{"a": 1}', '{"a": ["x", "y", "z"]}', "\x00\xff"]
)
def test_files_that_are_not_as_written_count_for_nothing(tmp_path: Path, left: str) -> None:
    spec = run_spec()
    expect([spec], tmp_path)
    (tmp_path / ".sweeps" / "damaged.json").write_bytes(left.encode("latin-1"))
    (tmp_path / ".sweeps" / "folder.json").mkdir()
    assert list(expected(tmp_path)) == [spec.id]
    work = WorkDir(tmp_path, "0123456789ab")
    work.folder.mkdir(parents=True)
    for path in (work.trace, work.events):
        path.write_bytes(left.encode("latin-1"))
    assert status(tmp_path).interrupted == [work.folder.name]
    assert status(tmp_path).runs[0].where == "before its first epoch"


def test_a_sweep_goes_on_where_it_cannot_write_down_what_it_is_to_make(tmp_path: Path) -> None:
    (tmp_path / ".sweeps").write_text("in the way")
    assert sweep([run_spec()], tmp_path) == {"finished": 1}


def test_a_folder_that_is_no_results_folder_is_bad_input(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "runs" / "stream").mkdir(parents=True)
    assert status(out).text() == "no records yet"
    for part in (out / "runs", out / "runs" / "stream"):
        with pytest.raises(BadInput, match=f"give {out}$"):
            status(part)
    with pytest.raises(BadInput, match="no results folder"):
        status(tmp_path)
