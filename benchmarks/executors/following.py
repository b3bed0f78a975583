"""Progress of runs on other machines, read from the results folder that all of them share."""

from __future__ import annotations

import threading

from benchmarks.executors.job import Job, Notify
from benchmarks.position import Position, position
from benchmarks.workdir import WorkDir

LOOK_S = 2.0
"""Seconds between two looks."""


class Follower:
    """Calls ``notify`` of each job that it follows when its run has trained another epoch."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[Job, Notify, Position | None]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="follower", daemon=True)
        self._thread.start()

    def follow(self, job: Job, notify: Notify) -> None:
        """Report a run from now on; what its folder holds of an earlier attempt is no news."""
        with self._lock:
            self._jobs[job.spec.id] = job, notify, position(WorkDir(job.out, job.spec.id))

    def leave(self, job: Job) -> None:
        """Report a run no longer."""
        with self._lock:
            self._jobs.pop(job.spec.id, None)

    def stop(self) -> None:
        """End the thread that looks."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            with self._lock:
                followed = list(self._jobs.values())
            for job, notify, before in followed:
                now = position(WorkDir(job.out, job.spec.id))
                if now is None or now == before:
                    continue
                with self._lock:  # under it, so that nothing is told of a job that was left
                    if job.spec.id in self._jobs:
                        self._jobs[job.spec.id] = job, notify, now
                        notify(job.spec, now.task, now.epoch, now.tasks)
