"""Ctrl-C, `kill` and a closed terminal, at any moment of a real sweep: a line, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import faults_said, require_whole
from test_executors import Command, wait_for

STOPPED = "stopped; the same command goes on from the last finished task"


def caught(command: Command) -> bool:
    """Whether the process handles SIGTERM yet, which Python alone does not."""
    status = Path(f"/proc/{command.process.pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def importing(command: Command) -> bool:
    return "libtorch_cpu" in Path(f"/proc/{command.process.pid}/maps").read_text()


def checking(command: Command) -> bool:
    return (command.out / "work").exists()


def evaluating(command: Command) -> bool:
    """At the accuracies of the untrained net: begun, and no epoch trained."""
    # With a line in it: between the making of the file and its first line nothing has begun.
    return any(events.stat().st_size for events in command.out.glob("work/*/events.jsonl"))


def to_all(command: Command, number: int) -> None:
    """As a terminal does it: every process of the session."""
    os.killpg(command.process.pid, number)


def to_parent(command: Command, number: int) -> None:
    """As `kill` does it."""
    os.kill(command.process.pid, number)


def require_stopped(command: Command, printed: str, status: int) -> None:
    assert command.process.returncode == status
    assert faults_said(printed) in ([STOPPED], ["stopped"])
    if command.out.exists():
        assert not any(file.stat().st_size for file in command.out.glob("work/*/claim.*"))
        assert not list(command.out.glob("runs/**/*.json"))
        require_whole(command.out)
    for events in command.out.glob("work/*/events.jsonl"):
        assert json.loads(events.read_text().splitlines()[-1])["status"] == "interrupted"


@pytest.mark.parametrize("moment", [caught, importing, checking, evaluating])
def test_ctrl_c_at_any_moment(tmp_path: Path, moment: Callable[[Command], bool]) -> None:
    with Command(tmp_path / "out", workers=1) as command:
        wait_for(lambda: moment(command))
        to_all(command, signal.SIGINT)
        require_stopped(command, command.end(), 130)


def test_ctrl_c_twice_is_ctrl_c(tmp_path: Path) -> None:
    with Command(tmp_path / "out", workers=2) as command:
        wait_for(lambda: evaluating(command))
        to_all(command, signal.SIGINT)
        to_all(command, signal.SIGINT)
        require_stopped(command, command.end(), 130)


@pytest.mark.parametrize(
    ("number", "send", "workers"),
    [
        (signal.SIGTERM, to_parent, 1),
        (signal.SIGTERM, to_parent, 2),
        (signal.SIGHUP, to_all, 2),
    ],
)
def test_kill_and_a_closed_terminal_are_ctrl_c_with_another_status(
    tmp_path: Path, number: int, send: Callable[[Command, int], None], workers: int
) -> None:
    with Command(tmp_path / "out", workers) as command:
        wait_for(command.running)
        send(command, number)
        require_stopped(command, command.end(), 128 + number)


def test_the_second_signal_is_not_heeded_the_third_ends_at_once_and_nohup_is_honoured() -> None:
    script = """
import os, signal
from benchmarks import stopping
signal.signal(signal.SIGHUP, signal.SIG_IGN)
stopping.install()
os.kill(os.getpid(), signal.SIGHUP)
stopping.heed()
try:
    os.kill(os.getpid(), signal.SIGTERM)
except KeyboardInterrupt:
    print(stopping.exit_status())
os.kill(os.getpid(), signal.SIGINT)
try:
    stopping.heed()
except KeyboardInterrupt:
    print("heeded later", flush=True)
os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGTERM)
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "143\nheeded later\n"), done.stderr


def test_a_sweep_that_was_suspended_heeds_what_came_meanwhile(tmp_path: Path) -> None:
    """The kernel hands the signal to any thread: the one that waits for the runs may not wake."""
    with Command(tmp_path / "out", workers=2) as command:
        wait_for(command.running)
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
            command.process.send_signal(number)
        require_stopped(command, command.end(), 143)
