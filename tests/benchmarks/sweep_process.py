"""``python -m benchmarks sweep`` as a process of its own, to be killed and looked at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.workdir import now

ARMED = Path(__file__).with_name("armed")
"""A folder whose ``sitecustomize`` kills at file operations; see there."""


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of a condition; `AssertionError` after ``seconds`` without."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class SweepProcess:
    """A sweep in a session of its own; whatever is left of it dies with the ``with`` block."""

    def __init__(
        self, spec: Path, out: Path, *overrides: str, workers: int, log: Path, armed: bool = False
    ) -> None:
        self.out, self.log, self.order = out, log, log.with_name(f"{log.name}.order")
        self.since = now()
        """When it began, as `events.jsonl` has it."""
        self.since_s, self.started = time.time(), time.monotonic()
        command = [sys.executable, "-m", "benchmarks", "sweep"]
        sets = [word for override in overrides for word in ("--set", override)]
        environment = dict(os.environ)
        if armed:
            environment |= {
                "PYTHONPATH": str(ARMED),
                "NESS_TORTURED": str(out),
                "NESS_TORTURE_ORDER": str(self.order),
            }
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [*command, str(spec), "--out", str(out), "--workers", str(workers), *sets],
                stdout=file,
                stderr=file,
                env=environment,
                start_new_session=True,
                # Ignored, and so inherited, where the tests themselves run in the background.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> bool:
        return self.process.poll() is not None

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to all processes at once, as a terminal does."""
        os.killpg(self.pid, number)

    def family(self) -> list[psutil.Process]:
        """Every process of the session that has not ended, helpers of multiprocessing included."""
        return [process for process in psutil.process_iter() if self.has(process.pid)]

    def has(self, pid: int) -> bool:
        """Whether it is a process of the session that has not ended."""
        try:
            return os.getsid(pid) == self.pid and not gone(pid)
        except ProcessLookupError:
            return False

    def wait(self, seconds: float = 240) -> int:
        """The exit status, once no process of the sweep is left."""
        self.process.wait(seconds)
        wait_until(lambda: not self.family(), 60, "the end of all processes of the sweep")
        return self.process.returncode

    def __enter__(self) -> SweepProcess:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.family():
            process.kill()
        self.process.wait(10)


def events(folder: Path) -> list[dict[str, Any]]:
    """What a run's work folder says of its starts and ends."""
    try:
        lines = (folder / "events.jsonl").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [json.loads(line) for line in lines]


def in_flight(sweep: SweepProcess) -> dict[Path, int]:
    """Work folders of the runs that processes of this sweep are at, with the processes."""
    return {folder: pid for folder, pid in unfinished(sweep).items() if sweep.has(pid)}


def unfinished(sweep: SweepProcess) -> dict[Path, int]:
    """Work folders of the runs that this sweep began and has not finished, with the processes."""
    found = {}
    for folder in (sweep.out / "work").glob("*"):
        lines = events(folder)
        begun = [line for line in lines if line["event"] == "start"]
        ends = [line for line in lines[-1:] if line.get("status", "interrupted") != "interrupted"]
        if begun and begun[-1]["time"] >= sweep.since and not ends:
            found[folder] = int(begun[-1]["pid"])
    return found


def trains(sweep: SweepProcess) -> bool:
    """Whether a run of this sweep has trained an epoch and goes on."""
    for folder in in_flight(sweep):
        try:
            if (folder / "trace.csv").stat().st_mtime > sweep.since_s:
                return True
        except FileNotFoundError:
            continue
    return False
