"""Memory that runs out, and other deaths of workers: their own run alone, named, to be gone on
with."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import cli
from faults import AGAIN, interruptions, require_whole, results, small_sweep
from small_runs import run_specs
from test_executors import LONG, owner, wait_for
from test_run import numbers, starts

import baselines
from benchmarks.interruptions import how_it_ended, is_out_of_memory
from benchmarks.records import RunRecord, record_path
from benchmarks.run import run
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir

GROUPS = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
LIMITS = "memory.limit_in_bytes", "memory.max"


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group of the kernel's whose processes get no more memory."""
    group = _group()
    if group is None:
        pytest.skip("no control group with a limit of memory can be made here")
    yield group
    wait_for(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


def _group() -> Path | None:
    for parent, limit in zip(GROUPS, LIMITS, strict=True):
        group = parent / f"ness-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text("65536")
        except OSError:
            group.rmdir()
        else:
            return group
    return None


def test_the_kernel_kills_a_worker_when_memory_runs_out(
    tmp_path: Path, little_memory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    victim, other = run_specs(["ness", "naive"], [1], *LONG)

    def take_memory() -> None:
        wait_for(WorkDir(tmp_path, victim.id).checkpoint.exists)
        (little_memory / "cgroup.procs").write_text(str(owner(tmp_path, victim)))

    taker = threading.Thread(target=take_memory)
    taker.start()
    counts = sweep([victim, other], tmp_path, workers=2)
    taker.join()
    assert counts == {"interrupted": 1, "finished": 1}
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "interrupted" in line)
    assert "ness seed 1: interrupted: its process was killed by signal 9 (SIGKILL)" in line
    assert line.endswith(f"when memory runs out; give fewer --workers if so, and {AGAIN}")
    assert sweep([victim, other], tmp_path) == {"finished": 2}
    assert (starts(tmp_path, victim), starts(tmp_path, other)) == (2, 1)
    path = record_path(tmp_path, victim.stream, "ness", victim.id)
    assert numbers(RunRecord.read(path)) == numbers(run(victim, tmp_path / "alone"))


def test_a_worker_that_crashes_is_named_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (spec,) = run_specs(["naive"], [1], *LONG)

    def crash() -> None:
        wait_for(WorkDir(tmp_path, spec.id).checkpoint.exists)
        os.kill(owner(tmp_path, spec), signal.SIGSEGV)

    killer = threading.Thread(target=crash)
    killer.start()
    assert sweep([spec], tmp_path, workers=2) == {"interrupted": 1}
    killer.join()
    assert "crashed in native code with signal 11 (SIGSEGV)" in capfd.readouterr().err
    assert sweep([spec], tmp_path) == {"finished": 1}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (3, "ended with status 3 and no answer"),
        (0, "ended with status 0 and no answer"),
        (-6, "crashed in native code with signal 6 (SIGABRT)"),
        (-15, "was ended by signal 15 (SIGTERM)"),
        (-99, "was ended by signal 99;"),
        (None, "ended with status None"),
    ],
)
def test_how_a_worker_ended(code: int | None, said: str) -> None:
    assert said in how_it_ended(code)
    assert how_it_ended(code).endswith(AGAIN)


def torch_asks_for_too_much(*_: Any) -> None:
    torch.empty(1 << 50, dtype=torch.uint8)


def python_asks_for_too_much(*_: Any) -> None:
    bytearray(1 << 60)


@pytest.mark.parametrize("ask", [torch_asks_for_too_much, python_asks_for_too_much])
def test_memory_that_is_refused_interrupts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    """It is no result of the method: another machine, or an hour later, may have enough."""
    command = small_sweep(tmp_path / "out", '["ness","naive"]')

    ness = baselines.load("ness")
    consolidate = ness.end_task

    def ask_in_task_2(self: Any, strategy: Any) -> None:
        if strategy.clock.train_exp_counter > 0:
            ask()
        consolidate(self, strategy)

    with monkeypatch.context() as patch:
        patch.setattr(ness, "end_task", ask_in_task_2)
        status, printed, errors = cli(*command)
    assert (status, printed) == (1, "1 finished, 1 interrupted\n")
    (line,) = interruptions(errors)
    assert "interrupted: out of memory (" in line
    require_whole(tmp_path / "out")
    assert cli(*command)[:2] == (0, "2 finished\n")
    assert cli(*small_sweep(tmp_path / "alone", '["ness","naive"]'))[0] == 0
    assert results(tmp_path / "out") == results(tmp_path / "alone")


def test_a_checkpoint_is_no_damaged_one_because_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = WorkDir(tmp_path, "run")
    work.make()
    work.save_checkpoint({"tasks_done": 1})

    def load(*_: Any, **__: Any) -> None:
        python_asks_for_too_much()

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", load)
        with pytest.raises(MemoryError):
            work.load_checkpoint()
    assert work.load_checkpoint() == {"tasks_done": 1}


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] can't allocate memory: 8 bytes"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("the size of tensor a must match"), False),
        (ValueError("out of memory"), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_what_says_that_memory_ran_out(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) == memory
