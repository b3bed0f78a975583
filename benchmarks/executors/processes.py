"""Workers on this machine: one fresh process a run, forked from a server that has imported torch
and the harness once. A killed worker fails its own run alone; in a shared pool it would break every
future.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from benchmarks.errors import BadInput
from benchmarks.executors.gpu_slots import GpuSlots, visible_gpus
from benchmarks.executors.job import Job, Notify, WorkerDied, execute
from benchmarks.interruptions import how_it_ended
from benchmarks.spec import RunSpec

GRACE_S = 10.0
"""Seconds that a worker has to end once it is told to."""


class Processes:
    """``workers`` processes at a time, one run and one torch thread each.

    A run on a GPU has one to itself, or shares it with ``runs_per_gpu - 1`` others.
    """

    elsewhere = False

    def __init__(self, *, workers: int | None = None, runs_per_gpu: int = 1) -> None:
        if runs_per_gpu < 1:
            raise BadInput(f"--option runs_per_gpu={runs_per_gpu}: give at least 1")
        # Read by libraries when they are imported, so set before the server starts.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["benchmarks.run"])
        self._slots = ThreadPoolExecutor(workers or 1, thread_name_prefix="run")
        self._gpus = GpuSlots(visible_gpus(), runs_per_gpu)
        self._running: set[Any] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        _start_server()
        return self._slots.submit(self._supervise, job, notify)

    def begin(self) -> None:
        pass

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()
        self._end_the_deaf()
        self._slots.shutdown(cancel_futures=True)

    def _end_the_deaf(self) -> None:
        """Kill what does not end: Python hears signals between two calls of C code alone."""
        deadline = time.monotonic() + GRACE_S
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        with self._lock:
            for process in self._running:
                process.kill()

    def _supervise(self, job: Job, notify: Notify) -> str:
        with self._gpus.one() if job.spec.device == "cuda" else nullcontext() as gpu:
            return self._work(job, notify, gpu)

    def _work(self, job: Job, notify: Notify, gpu: str | None) -> str:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=work, args=(job, theirs, gpu), daemon=True)
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
        except (EOFError, OSError):  # at the end of a message, or amid one
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
        raise WorkerDied(how_it_ended(process.exitcode))


def _start_server() -> None:
    """Start the server that workers are forked from, deaf to what a terminal sends to all of its
    processes, like all that it forks: the sweep ends them.

    It would else die with a traceback while it still imports, and so would a young worker.
    """
    resource_tracker.ensure_running()  # started later it would lift the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(job: Job, answers: Connection, gpu: str | None) -> None:
    """A worker's life: it ends with its parent, and leaves Ctrl-C to it."""

    def progress(_: RunSpec, *numbers: int) -> None:
        try:
            answers.send(("progress", *numbers))
        except OSError:  # no parent any more: not a fault of the run, which can go on later
            _leave()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        status = execute(job, progress)
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
