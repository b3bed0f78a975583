"""Owners on another host, that live, die, or come back after they were taken for dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from other_hosts import on_host, seen_apart
from small_runs import run_spec
from test_claims import holder, newest, wait_until
from test_claims_contention import environment
from test_run import numbers, starts

from benchmarks import claims
from benchmarks.claims import Claimed, claim, is_held
from benchmarks.records import record_path
from benchmarks.run import run
from benchmarks.workdir import WorkDir

pytestmark = seen_apart

STOPS_ITSELF = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from small_runs import run_spec
from benchmarks.claims import Claimed
from benchmarks.run import run

def stop(task, epoch, steps):
    if (task, epoch) == (1, 0):
        os.kill(os.getpid(), signal.SIGSTOP)

try:
    run(run_spec(), Path(sys.argv[1]), notify=stop)
except Claimed as error:
    sys.exit(f"{error}")
"""


def test_a_claim_held_on_another_host_goes_stale_some_time_after_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "BEAT_S", 0.1)
    monkeypatch.setattr(claims, "MISSED", 30)
    path = tmp_path / "claim"
    with holder(path, before=on_host("far", []), beat_s=0.1) as process:
        with pytest.raises(Claimed, match=r" on far$"), claim(path):
            pass
        os.utime(newest(path), (0, 0))
        wait_until(lambda: is_held(path))  # its heart beats
        process.kill()
        process.wait()
        killed = time.monotonic()
        assert is_held(path), "nobody can see that it is gone"
        wait_until(lambda: not is_held(path))
        assert time.monotonic() - killed > 2
        with claim(path):
            assert is_held(path)


def test_a_run_that_was_stopped_and_taken_over_writes_nothing_when_it_wakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "BEAT_S", 0.05)
    spec, out = run_spec(), tmp_path / "out"
    work, record = WorkDir(out, spec.id), record_path(out, spec.stream, spec.strategy, spec.id)
    tests = str(Path(__file__).parent)
    stopped = subprocess.Popen(
        on_host("far", [sys.executable, "-c", STOPS_ITSELF, str(out), tests]),
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )

    def wake(task: int, epoch: int, steps: int) -> None:
        """Between two epochs of the run that took over."""
        if (task, epoch) != (2, 0):
            return
        before = work.checkpoint.read_bytes(), work.trace.read_bytes(), newest(work.claim)
        os.kill(stopped.pid, signal.SIGCONT)
        assert "another process took it over" in stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 1
        now = work.checkpoint.read_bytes(), work.trace.read_bytes(), newest(work.claim)
        assert now == before
        assert not record.exists()
        assert is_held(work.claim)

    try:
        process = psutil.Process(stopped.pid)
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, 120)
        wait_until(lambda: not is_held(work.claim))
        resumed = run(spec, out, notify=wake)
    finally:
        stopped.kill()
        stopped.communicate()
    assert stopped.returncode == 1, "it was woken"
    assert starts(out, spec) == 2
    assert record.exists()
    assert numbers(resumed) == numbers(run(spec, tmp_path / "alone"))
