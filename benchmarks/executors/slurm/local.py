"""submitit's local executor in SLURM's place: processes of this machine, to try a sweep out.

As on a cluster they outlive a sweep that is killed.
"""

from __future__ import annotations

import os
import shlex
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.executors.slurm.cluster import Key
from benchmarks.executors.slurm.command import command
from benchmarks.executors.slurm.interrupts import deaf_children

ENDLESS_MIN = 10 * 365 * 24 * 60
"""A time limit for who gives none: submitit's own is two minutes."""


class Local:
    """``workers`` tasks at a time; an array is an order of tasks."""

    max_array = 1_000_000
    pause_s = 0.2

    def __init__(self, workers: int, timeout_min: int | None, signal_delay_s: int) -> None:
        self._workers = workers
        self._limits = {
            "timeout_min": timeout_min or ENDLESS_MIN,
            "signal_delay_s": signal_delay_s,
        }
        self._scratch = tempfile.TemporaryDirectory(prefix="ness-slurm-")
        self._waiting: list[tuple[Key, Path, Mapping[str, Any]]] = []
        self._running: dict[Key, Any] = {}
        self._sent = 0

    def send(self, folder: Path, count: int, wanted: Mapping[str, Any]) -> str:
        self._sent += 1
        array = f"local-{self._sent}"
        self._waiting += [((array, number), folder, wanted) for number in range(count)]
        return array

    def alive(self, arrays: Sequence[str]) -> set[Key] | None:
        self._running = {key: job for key, job in self._running.items() if not job.done()}
        while self._waiting and len(self._running) < self._workers:
            key, folder, wanted = self._waiting.pop(0)
            self._running[key] = self._start(folder, key[1], wanted)
        known = {*self._running, *(key for key, _, _ in self._waiting)}
        return {key for key in known if key[0] in arrays}

    def reason(self, key: Key) -> str:
        return "its process ended"

    def cancel(self, arrays: Sequence[str]) -> None:
        self._waiting = [each for each in self._waiting if each[0][0] not in arrays]
        for key, job in self._running.items():
            if key[0] in arrays:
                # submitit's cancel is Ctrl-C, which its process meets with a traceback.
                with suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)

    def close(self) -> None:
        self._scratch.cleanup()

    def _start(self, folder: Path, number: int, wanted: Mapping[str, Any]) -> Any:
        from submitit import LocalExecutor

        executor = LocalExecutor(self._scratch.name)
        executor.update_parameters(**self._limits, gpus_per_node=wanted.get("gpus_per_node", 0))
        with deaf_children():
            return executor._submit_command(shlex.join(command(folder, number)))
