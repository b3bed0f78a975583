"""The SLURM executor with submitit's local one in SLURM's place: real processes, no daemons."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
from small_runs import run_spec, run_specs
from test_executors import LONG, Command, owner, records, wait_for
from test_run import numbers, starts
from test_slurm import While, resumed

from benchmarks import executors
from benchmarks.executors import Executor
from benchmarks.status import status
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir


def make(workers: int) -> Executor:
    options = {"cluster": "local", "answer_s": 1.0}
    return executors.make("slurm", workers=workers, options=options)


def test_tasks_give_the_matrices_of_one_process_wherever_they_lie(tmp_path: Path) -> None:
    out = tmp_path / "%j 'a\"$(touch ran)`touch ran`;touch ran\n"
    specs = run_specs(["naive", "ness"], [1])
    assert sweep(specs, out, executor=make(2)) == {"finished": 2}
    assert sweep(specs, tmp_path / "inline") == {"finished": 2}
    ours, theirs = records(out), records(tmp_path / "inline")
    assert {i: numbers(r) for i, r in ours.items()} == {i: numbers(r) for i, r in theirs.items()}
    assert [starts(out, spec) for spec in specs] == [1, 1]
    assert not (out / "slurm").exists()
    assert not list(tmp_path.rglob("ran"))
    assert not Path("ran").exists()


def test_a_run_near_its_time_limit_starts_again_from_its_checkpoint(tmp_path: Path) -> None:
    spec = run_spec("ness", *LONG)

    def tell() -> None:
        wait_for(WorkDir(tmp_path, spec.id).checkpoint.exists)
        os.kill(owner(tmp_path, spec), signal.SIGUSR2)

    with While(tell):
        assert sweep([spec], tmp_path, executor=make(1)) == {"finished": 1}
    assert starts(tmp_path, spec) == 2
    assert resumed(tmp_path, spec)


@pytest.mark.slurm  # no daemons, but a minute on a busy machine
def test_ctrl_c_ends_all_tasks_and_leaves_nothing(tmp_path: Path) -> None:
    options = ["--executor", "slurm", "--option", "cluster=local"]
    with Command(tmp_path / "out", 1, *options) as command:
        wait_for(command.running)
        pids = [process.pid for process in command.family()]
        command.interrupt()
        printed = command.end()
    assert command.process.returncode == 130
    assert "Traceback" not in printed
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert status(command.out).running == []
    assert not list(command.out.glob("runs/**/*.json"))
