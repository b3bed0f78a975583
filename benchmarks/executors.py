"""Where runs execute: one interface, `submit`, for this process and for workers.

A worker is one fresh process a run, forked from a server that has imported torch and the
harness once. A killed worker fails its own run alone; in a shared pool it would break every
future.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, Protocol

from benchmarks.errors import BadInput
from benchmarks.spec import RunSpec

Notify = Callable[[RunSpec, int, int, int], None]


class WorkerDied(Exception):
    """A worker process that ended without an answer: killed, out of memory, crashed."""


@dataclass(frozen=True)
class Job:
    """A run and where its data and results lie."""

    spec: RunSpec
    out: Path
    data_dir: Path | None
    retry: frozenset[str] = frozenset()


class Executor(Protocol):
    """Runs jobs; a future gives the status of the record that its run wrote."""

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        """Start a job as soon as there is room for it."""

    def stop(self) -> None:
        """End all running work now; runs can be resumed from their checkpoints."""


class Inline:
    """One run after another in this process."""

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        future: Future[str] = Future()
        try:
            future.set_result(_execute(job, lambda *progress: notify(job.spec, *progress)))
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self) -> None:
        pass


class Processes:
    """``workers`` processes at a time, one run and one torch thread each."""

    def __init__(self, workers: int) -> None:
        # Read by libraries when they are imported, so set before the server starts.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["benchmarks.run"])
        self._slots = ThreadPoolExecutor(workers, thread_name_prefix="run")
        self._running: set[Any] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        _start_server()
        return self._slots.submit(self._supervise, job, notify)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()
        self._slots.shutdown(cancel_futures=True)

    def _supervise(self, job: Job, notify: Notify) -> str:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(job, theirs), daemon=True)
        with self._lock:
            if self._stopped:
                raise WorkerDied("the sweep was stopped")
            process.start()
            self._running.add(process)
        theirs.close()
        answer: Any = None
        try:
            while True:
                kind, *answer = ours.recv()
                if kind == "progress":
                    notify(job.spec, *answer)
                else:
                    break
        except EOFError:
            kind = "died"
        finally:
            process.join()
            ours.close()
            with self._lock:
                self._running.discard(process)
        if kind == "status":
            return str(answer[0])
        if kind == "error":
            error: BaseException = answer[0]
            raise error
        raise WorkerDied(
            f"its process ended with status {process.exitcode}; start the sweep again to go on"
        )


def _start_server() -> None:
    """Start the server that workers are forked from, deaf to Ctrl-C like all that it forks.

    It would else die with a traceback while it still imports, and so would a young worker.
    """
    resource_tracker.ensure_running()  # started later it would lift the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def make(workers: int) -> Executor:
    """The executor for a number of workers: this process for one, processes for more."""
    if workers < 1:
        raise BadInput(f"--workers {workers}: give at least 1")
    return Inline() if workers == 1 else Processes(workers)


def _execute(job: Job, notify: Callable[[int, int, int], None]) -> str:
    from benchmarks.run import run

    return run(job.spec, job.out, data_dir=job.data_dir, notify=notify, retry=job.retry).status


def _work(job: Job, answers: Connection) -> None:
    """A worker's life: it ends with its parent, and leaves Ctrl-C to it."""

    def progress(*numbers: int) -> None:
        try:
            answers.send(("progress", *numbers))
        except OSError:  # no parent any more: not a fault of the run, which can go on later
            _leave()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        status = _execute(job, progress)
        answers.send(("status", status))
    except Exception as error:
        answers.send(("error", error))


def _leave(*_: Any) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
