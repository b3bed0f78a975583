"""Runs on a Ray cluster: many machines, shares of GPUs, machines that come and go.

Every machine has the checkout, the environment and the results folder at the same paths, as a
network file system gives them; that is looked at before the first run and by every run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.data.folder import data_folder
from benchmarks.errors import BadInput
from benchmarks.executors.following import Follower
from benchmarks.executors.job import Job, Notify, WorkerDied, execute
from benchmarks.executors.ray_nodes import check_room, check_shared, has_room, is_lost, last_line
from benchmarks.executors.ray_session import Session
from benchmarks.executors.shared import Shared, lay
from benchmarks.interruptions import AGAIN
from benchmarks.spec import RunSpec

QUEUED = 1000
"""Runs that Ray is given at a time if it may run as many as there is room for."""
ATTEMPTS = 10
"""Nodes that a run may lose: it is perhaps what brings them down."""
LOOK_S = 5.0
"""Seconds between two looks whether a run that waits still has a node to wait for."""
ASKED = 3
"""Times that a run is asked to stop: the exception that tells it may come where Python drops it."""
GRACE_S = 2.0
"""Seconds each time for a run to release its claim; one that is left behind on another machine
keeps the run from going on for minutes."""


class _NodeLost(Exception):
    """The machine that a run was on is gone."""


class Ray:
    """One fresh process a run, at most ``workers`` at a time, wherever there is room.

    ``address``: of the cluster, ``"auto"`` for the one that this machine is in; empty starts one on
    loopback. ``cpus``: that a run takes, by default its torch threads. ``gpu_share``: GPUs that a
    run on a GPU takes, 0.5 puts two on one. ``memory_gb``: that a run asks for (10^9 bytes); Ray
    counts it where it places runs, and holds nobody to it.

    The runs of a lost machine are submitted again here, not by Ray, which would do so for a worker
    that was killed alone. They go on from their checkpoints.
    """

    elsewhere = True

    def __init__(
        self,
        *,
        workers: int | None = None,
        address: str = "",
        cpus: float | None = None,
        gpu_share: float = 1.0,
        memory_gb: float | None = None,
    ) -> None:
        if find_spec("ray") is None:
            raise BadInput('--executor ray needs Ray: pip install -e ".[ray]"')
        for name, amount in (("cpus", cpus), ("gpu_share", gpu_share), ("memory_gb", memory_gb)):
            if amount is not None and amount <= 0:
                raise BadInput(f"--option {name}={amount:g}: give more than 0")
        if gpu_share > 1 and gpu_share % 1:
            raise BadInput(
                f"--option gpu_share={gpu_share:g}: give a part of one GPU, or whole ones"
            )
        self._address, self._cpus, self._gpu_share = address, cpus, gpu_share
        self._memory_gb = memory_gb
        self._session: Session | None = None
        self._shared: dict[Path, Shared] = {}
        self._slots = ThreadPoolExecutor(workers or QUEUED, thread_name_prefix="run")
        self._follower = Follower()
        self._futures: list[Future[str]] = []
        self._running: list[Any] = []
        self._lock = threading.Lock()
        self._stopped = False

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        if self._session is None:
            self._session = Session(self._address)
        check_room(self._need(job.spec))
        data = data_folder(job.data_dir).absolute()
        job = replace(job, out=job.out.absolute(), data_dir=data)
        if job.out not in self._shared:
            self._shared[job.out] = lay(job.out, data)
            check_shared(self._shared[job.out])
        future = self._slots.submit(self._supervise, job, notify)
        self._futures.append(future)
        return future

    def begin(self) -> None:
        pass

    def stop(self) -> None:
        self._slots.shutdown(wait=False, cancel_futures=True)
        for _ in range(ASKED):
            self._cancel()
            if not wait(self._futures, timeout=GRACE_S).not_done:
                break
        self._cancel(force=True)
        self._slots.shutdown()
        self._follower.stop()
        for shared in self._shared.values():
            shared.probe.unlink(missing_ok=True)
        if self._session is not None:
            self._session.close()

    def _cancel(self, force: bool = False) -> None:
        with self._lock:
            self._stopped = True
            running = [*self._running]
        for answers in running:
            import ray

            ray.cancel(answers, force=force)

    def _supervise(self, job: Job, notify: Notify) -> str:
        for _ in range(ATTEMPTS):
            try:
                return self._attempt(job, notify)
            except _NodeLost:
                continue
        raise WorkerDied(f"it lost {ATTEMPTS} nodes; {AGAIN}")

    def _attempt(self, job: Job, notify: Notify) -> str:
        import ray

        need = self._need(job.spec)
        # max_calls: a process has one run in its life.
        remote = ray.remote(
            num_cpus=need["CPU"],
            num_gpus=need.get("GPU", 0),
            memory=need.get("memory"),
            num_returns="streaming",
            max_calls=1,
            max_retries=0,
        )(work)
        with self._lock:
            if self._stopped:
                raise WorkerDied("the sweep was stopped")
            answers = remote.remote(job, self._shared[job.out])
            self._running.append(answers)
        node = None
        try:
            while not ray.wait([answers], timeout=LOOK_S)[0]:
                if not has_room(need):
                    ray.cancel(answers)
                    raise WorkerDied(f"no node that is left has room for it; {AGAIN}")
            node = ray.get(next(answers))
            self._follower.follow(job, notify)
            answer = ray.get(next(answers))
        except ray.exceptions.TaskCancelledError:
            raise WorkerDied("the sweep was stopped") from None
        except ray.exceptions.OutOfMemoryError as error:
            raise WorkerDied(
                "Ray ended it as the memory of its node ran out; give --option memory_gb=... for "
                f"fewer runs a node, and {AGAIN}"
            ) from error
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
            gone = isinstance(error, ray.exceptions.NodeDiedError)
            if not self._stopped and (gone or node is None or is_lost(node)):
                raise _NodeLost from None
            raise WorkerDied(f"its process was killed; {AGAIN}") from None
        except ray.exceptions.RayError as error:
            reason = last_line(error)
            raise WorkerDied(f"Ray gave it up: {reason}; {AGAIN}") from error
        finally:
            self._follower.leave(job)
            with self._lock:
                self._running.remove(answers)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    def _need(self, spec: RunSpec) -> dict[str, float]:
        need: dict[str, float] = {"CPU": self._cpus or spec.threads}
        if spec.device == "cuda":
            need["GPU"] = self._gpu_share
        if self._memory_gb is not None:
            need["memory"] = int(self._memory_gb * 1e9)
        return need


def work(job: Job, shared: Shared) -> Iterator[Any]:
    """A worker's life, told in two answers: the node that it is on, then a status or an error."""
    import ray

    yield ray.get_runtime_context().get_node_id()
    try:
        shared.check()
        answer: str | Exception = execute(job, lambda *_: None)
    except Exception as error:
        answer = error
    yield answer
