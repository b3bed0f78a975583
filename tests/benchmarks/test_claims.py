"""Exactly one living process holds a claim, and a dead one holds none."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks import claims
from benchmarks.claims import Claimed, claim, is_held

PROCESSES, ROUNDS = 4, 40


def write_claim(path: Path, **changes: Any) -> None:
    with claim(path):
        owner = json.loads(path.read_text())
    path.write_text(json.dumps(owner | changes))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_holder_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    path = tmp_path / "work" / "claim"
    assert not is_held(path)
    with claim(path):
        assert is_held(path)
        with pytest.raises(Claimed, match=f"held by process {os.getpid()}"), claim(path):
            raise AssertionError("two holders")
        assert is_held(path)
    assert not is_held(path)
    assert not path.exists()


def test_another_process_that_lives_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    script = (
        "import sys; from pathlib import Path; from benchmarks.claims import claim\n"
        "with claim(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Claimed, match=str(holder.pid)), claim(path):
        pass
    holder.kill()
    holder.wait()
    assert not is_held(path)
    with claim(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()


def test_a_claim_is_released_after_an_exception(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), claim(path):
            raise error
        assert not path.exists()


def test_the_claim_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    write_claim(path, pid=dead_pid())
    assert not is_held(path)
    with claim(path):
        assert is_held(path)


def test_a_reused_pid_keeps_no_claim_alive(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    with claim(path):
        started = json.loads(path.read_text())["started"]
    write_claim(path, started=started - 5)
    assert not is_held(path)
    with claim(path):
        assert is_held(path)


def test_a_claim_outlives_a_correction_of_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boot time, and so every start time, moves with the clock of the day."""
    path = tmp_path / "claim"
    created, boot = psutil.Process.create_time, psutil.boot_time()
    with claim(path):
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + 3600)
        monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
        assert is_held(path)
    assert not path.exists()


def test_a_claim_of_another_host_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    write_claim(path, host=f"not-{socket.gethostname()}", pid=dead_pid())
    with pytest.raises(Claimed), claim(path):
        pass
    assert path.exists()


def test_a_claim_of_another_host_is_taken_over_when_its_heartbeat_stops(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    write_claim(path, host=f"not-{socket.gethostname()}", pid=os.getpid())
    last = path.stat().st_mtime - claims.BEAT_S * claims.MISSED
    os.utime(path, (last + 20, last + 20))
    assert is_held(path)
    os.utime(path, (last - 20, last - 20))
    assert not is_held(path)
    with claim(path):
        assert json.loads(path.read_text())["host"] == socket.gethostname()
    assert not path.exists()


def test_the_owner_touches_its_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_S", 0.02)
    path = tmp_path / "claim"
    with claim(path):
        os.utime(path, (0, 0))
        for _ in range(500):
            if path.stat().st_mtime > 0:
                break
            time.sleep(0.01)
        assert path.stat().st_mtime > 0
    for thread in threading.enumerate():
        if thread.name == f"heartbeat of {path}":
            thread.join(10)
            assert not thread.is_alive(), "the heart stops with the claim"


def test_a_claim_is_not_brought_back_by_its_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "BEAT_S", 0.01)
    path = tmp_path / "claim"
    with claim(path):
        path.unlink()
        time.sleep(0.1)
        assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"pid": "x"}', b"\xff\xfe"])
def test_a_torn_claim_is_taken_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claim"
    path.write_bytes(content)
    with claim(path):
        assert is_held(path)
    assert not path.exists()


def test_a_claim_lost_meanwhile_is_not_released(tmp_path: Path) -> None:
    """Whoever removed our claim by hand and took the run keeps it."""
    path = tmp_path / "claim"
    with claim(path):
        write = json.dumps({"host": "elsewhere", "pid": 1, "started": 0})
        path.write_text(write)
    assert path.read_text() == write


def test_a_stale_claim_is_judged_and_removed_under_one_lock(tmp_path: Path) -> None:
    """Else a claim renewed between a look and a removal would be removed: two holders."""
    path = tmp_path / "claim"
    write_claim(path, pid=dead_pid())
    refused = threading.Event()

    def take() -> None:
        try:
            with claim(path):
                pass
        except Claimed:
            refused.set()

    late = threading.Thread(target=take)
    with path.with_name(".claim.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        late.start()
        late.join(0.2)
        assert late.is_alive(), "it waits for the one who is at it"
        path.unlink()
        with claim(path):
            fcntl.flock(lock, fcntl.LOCK_UN)
            late.join(10)
            assert refused.is_set()
            assert is_held(path)


def _race(folder: Path, barrier: Any, wins: Any) -> None:
    for number in range(ROUNDS):
        barrier.wait(60)
        try:
            with claim(folder / f"{number}"):
                with wins.get_lock():
                    wins[number] += 1
                barrier.wait(60)  # held until all have tried
        except claims.Claimed:
            barrier.wait(60)


def test_of_many_that_race_for_stale_and_free_claims_one_wins(tmp_path: Path) -> None:
    pid = dead_pid()
    for number in range(0, ROUNDS, 2):
        write_claim(tmp_path / f"{number}", pid=pid)
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(PROCESSES), context.Array("i", ROUNDS)
    racers = [
        context.Process(target=_race, args=(tmp_path, barrier, wins)) for _ in range(PROCESSES)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
    assert [racer.exitcode for racer in racers] == [0] * PROCESSES
    assert list(wins) == [1] * ROUNDS
