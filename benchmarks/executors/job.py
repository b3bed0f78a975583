"""What is executed, what executes it, and how."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.interruptions import Interrupted
from benchmarks.spec import RunSpec

Notify = Callable[[RunSpec, int, int, int], None]
"""Called after an epoch with (spec, task, epoch, number of tasks to train)."""


class WorkerDied(Interrupted):
    """A worker that ended without an answer: killed, out of memory, crashed."""


@dataclass(frozen=True)
class Job:
    """A run and where its data and results lie."""

    spec: RunSpec
    out: Path
    data_dir: Path | None
    retry: frozenset[str] = frozenset()
    trackers: tuple[str, ...] = ()
    seen: str | None = None
    """When the run had ended whose record is to be made anew; None: whenever it had."""


class Executor(Protocol):
    """Runs jobs; a future gives the status of the record that its run wrote.

    It ends with `benchmarks.claims.Claimed` where another sweep works on the run, with
    `Interrupted` or `OSError` where the run can go on later, and with another exception where the
    sweep must not go on.
    """

    elsewhere: bool
    """Whether runs go to other machines: this one need not have the GPU that they want."""

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        """Take a job in; it starts when there is room for it, after `begin` at the latest."""

    def begin(self) -> None:
        """Start what was submitted so far: some executors send jobs off together."""

    def stop(self) -> None:
        """End all running work now; runs can be resumed from their checkpoints."""


def execute(job: Job, notify: Notify) -> str:
    """Execute a job in this process; the status of its record."""
    from benchmarks.run import run

    spec = job.spec
    return run(
        spec,
        job.out,
        data_dir=job.data_dir,
        notify=lambda *progress: notify(spec, *progress),
        retry=job.retry,
        trackers=job.trackers,
        seen=job.seen,
    ).status
