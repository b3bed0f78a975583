"""A sweep on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_runs import SMALL

ROOT = Path(__file__).parents[2]
LONG = ("protocol.epochs=100000", "protocol.lr_min=0.0")
VISIBLE = ("protocol.epochs=40", "protocol.lr_min=0.0", "strategy.ness.optimizer.lr=1e20")


def on_terminal(
    out: Path, columns: int, *overrides: str, until: str = "", then: Callable[[int], None] = print
) -> tuple[int, str]:
    """Exit status of a sweep, and all that it wrote to a terminal of so many columns.

    ``then`` is called once with its pid when it has written ``until``, a pattern.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "benchmarks", "sweep", str(SMALL), "--out", str(out)]
    command += [part for override in overrides for part in ("--set", override)]
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env | {"TERM": "xterm"}, stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    written, called, deadline = b"", False, time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                written += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if until and not called and re.search(until, written.decode(errors="replace")):
                called = True
                then(process.pid)
        return process.wait(timeout=30), written.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def screens(written: str) -> list[list[str]]:
    """The lines that stood on the screen at one time or another, without what moves the cursor."""
    return [
        re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part).split("\r\n")
        for part in re.split(r"\r?\x1b\[2K", written)
    ]


@pytest.mark.parametrize("columns", [80, 40])
def test_lines_that_move_never_wrap_and_failures_stay(tmp_path: Path, columns: int) -> None:
    status, written = on_terminal(tmp_path, columns, *VISIBLE)
    assert status == 1
    shown = [line for screen in screens(written) for line in screen]
    moving = [line for line in shown if re.match(r"\d/2|  \w+ seed", line)]
    assert moving
    assert max(map(len, moving)) < columns
    assert any(re.search(r"naive seed 1 .*\d/3", line) for line in moving)
    last = [line for line in shown if line][-3:]
    assert re.match(r"2/2 .*1 diverged", last[0])
    assert last[1] == "1 diverged, 1 finished"
    ness = "[2/2] split_digits/til ness seed 1: diverged: training loss is nan at task 1, epoch 1"
    assert ness in "".join(shown)
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_ctrl_c_shows_the_cursor_again(tmp_path: Path) -> None:
    status, written = on_terminal(
        tmp_path,
        80,
        *LONG,
        until="epoch +[0-9]+/100000",
        then=lambda pid: os.kill(pid, signal.SIGINT),
    )
    assert status == 130
    assert "the same command goes on" in written
    assert "Traceback" not in written
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
