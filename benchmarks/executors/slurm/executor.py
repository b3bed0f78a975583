"""Runs on a SLURM cluster."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from concurrent.futures import Future
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

from benchmarks.errors import BadInput
from benchmarks.executors.following import Follower
from benchmarks.executors.job import Job, Notify, WorkerDied
from benchmarks.executors.slurm.cluster import Cluster, Slurm
from benchmarks.executors.slurm.files import ArrayFolder
from benchmarks.executors.slurm.interrupts import delayed
from benchmarks.executors.slurm.local import Local
from benchmarks.executors.slurm.parameters import Value, directives, further
from benchmarks.executors.slurm.watch import Sent, Watch
from benchmarks.spec import RunSpec

END_S = 30.0
"""Seconds that cancelled tasks have to drop their claims before the sweep leaves."""
PAUSE_S = 0.5
HANDED_ON = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONWARNINGS", "CUBLAS_WORKSPACE_CONFIG"),
    *("WANDB_MODE", "WANDB_PROJECT"),
)
"""Of the environment, beside all of NESS_*: also where sbatch is told to export nothing."""


class SlurmArrays:
    """Job arrays of runs: those submitted before `begin` go together, ``workers`` at a time.

    A run that is preempted, or near its time limit, goes back to the queue and on from its
    checkpoint. ``--out`` and the data have to be visible on the nodes. ``cluster="local"``
    executes the tasks on this machine, to try it.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        cluster: Literal["slurm", "local"] = "slurm",
        partition: str | None = None,
        account: str | None = None,
        qos: str | None = None,
        timeout_min: int | None = None,
        mem_gb: float | None = None,
        cpus_per_task: int | None = None,
        gpus_per_node: int | None = None,
        constraint: str | None = None,
        nodelist: str | None = None,
        exclude: str | None = None,
        job_name: str = "ness",
        requeue: bool = True,
        signal_delay_s: int = 90,
        poll_s: float = 10.0,
        answer_s: float = 60.0,
        additional: dict[str, Value] | None = None,
    ) -> None:
        """Names and units are sbatch's and submitit's; None leaves a thing to the cluster.

        ``cpus_per_task`` is the spec's threads, ``gpus_per_node`` 1 for a spec on cuda and else
        0, unless they are given. ``signal_delay_s``: how long before its time limit a run is told
        to go back to the queue. ``poll_s``: seconds between two questions to the controller.
        ``answer_s``: seconds after which a task that is gone from the queue counts as lost if its
        answer has not come through the shared file system. ``additional``: further options of
        sbatch by their long names. Raises `BadInput`.
        """
        if find_spec("submitit") is None:
            raise BadInput('--executor slurm needs submitit: pip install -e ".[slurm]"')
        _at_least(1, timeout_min=timeout_min, cpus_per_task=cpus_per_task, poll_s=poll_s)
        _at_least(1, signal_delay_s=signal_delay_s)
        _at_least(0, gpus_per_node=gpus_per_node, answer_s=answer_s)
        _at_least(1 / 1024, mem_gb=mem_gb)
        if timeout_min is not None and timeout_min * 60 <= signal_delay_s:
            raise BadInput(
                f"--option timeout_min={timeout_min}: a run is told {signal_delay_s} s before its "
                f"time limit to leave; give more, or a smaller signal_delay_s"
            )
        parameters = directives(
            {
                "partition": partition,
                "account": account,
                "qos": qos,
                "constraint": constraint,
                "nodelist": nodelist,
                "exclude": exclude,
                "job_name": job_name,
                "mem": None if mem_gb is None else f"{round(mem_gb * 1024)}M",
            }
        )
        others = further(additional or {})
        self._cluster: Cluster
        if cluster == "local":
            self._cluster = Local(workers or 1, timeout_min, signal_delay_s)
        else:
            ours = {
                # Logs are the command's own affair, and the batch shell is Python.
                "output": "/dev/null",
                "error": "/dev/null",
                "signal": f"B:USR2@{signal_delay_s}",
                "requeue" if requeue else "no-requeue": True,
            }
            self._cluster = Slurm(
                {**parameters, "time": timeout_min, "wckey": None}, {**others, **ours}, poll_s
            )
        self.elsewhere = cluster == "slurm"
        self._one_gpu = cluster == "local" and (workers or 1) > 1
        self._workers, self._requeue = workers, requeue
        self._cpus, self._gpus = cpus_per_task, gpus_per_node
        self._answer_s = answer_s
        self._new: list[tuple[Job, Notify, Future[str]]] = []
        self._watch: Watch | None = None
        self._follower: Follower | None = None

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        future: Future[str] = Future()
        if self._one_gpu and job.spec.device == "cuda":
            raise BadInput(
                "--option cluster=local gives every run the first GPU: leave out --workers, or "
                "take --executor processes"
            )
        self._new.append((job, notify, future))
        return future

    def begin(self) -> None:
        """Send the runs off, one array for all that want the same of a node."""
        groups: dict[tuple[int, int], list[tuple[Job, Notify, Future[str]]]] = defaultdict(list)
        for each in self._new:
            groups[self._wanted(each[0].spec)].append(each)
        self._new = []
        before = None
        for (cpus, gpus), group in groups.items():
            for start in range(0, len(group), self._cluster.max_array):
                part = group[start : start + self._cluster.max_array]
                wanted: dict[str, Any] = {"cpus_per_task": cpus}
                if gpus:
                    wanted["gpus_per_node"] = gpus
                wanted["array_parallelism"] = self._workers or len(part)
                if before is not None and self._workers is not None:
                    wanted["dependency"] = f"afterany:{before}"  # never more than so many
                before = self._send(part, wanted)

    def stop(self) -> None:
        """Cancel what has not ended, and wait a while for it to drop its claims."""
        if self._follower is not None:
            self._follower.stop()
        if self._watch is not None:
            self._watch.stop()
            arrays = self._watch.open()
            if arrays:
                self._cluster.cancel(arrays)
            end = time.monotonic() + END_S
            while arrays and self._cluster.alive(arrays) != set() and time.monotonic() < end:
                time.sleep(PAUSE_S)
            for sent in self._watch.sent:
                for _, future in sent.tasks.values():
                    future.set_exception(WorkerDied("the sweep was stopped"))
                if not sent.keep:
                    sent.folder.remove()
        for _, _, future in self._new:
            future.set_exception(WorkerDied("the sweep was stopped"))
        self._cluster.close()

    def _wanted(self, spec: RunSpec) -> tuple[int, int]:
        """CPUs and GPUs of one run."""
        gpus = int(spec.device == "cuda") if self._gpus is None else self._gpus
        return spec.threads if self._cpus is None else self._cpus, gpus

    def _send(self, part: list[tuple[Job, Notify, Future[str]]], wanted: dict[str, Any]) -> str:
        if self._watch is None or self._follower is None:
            self._watch, self._follower = Watch(self._cluster, self._answer_s), Follower()
        folder = ArrayFolder.make(part[0][0].out)
        environment = {
            name: value
            for name, value in os.environ.items()
            if name.startswith("NESS_") or name in HANDED_ON
        }
        for number, (job, _, _) in enumerate(part):
            folder.write_task(number, job, environment, requeue=self._requeue)
        tasks = {number: (job, future) for number, (job, _, future) in enumerate(part)}
        with delayed():
            try:
                array = self._cluster.send(folder.path, len(part), wanted)
            except BadInput:
                folder.remove()
                raise
            self._watch.add(Sent(array, folder, tasks))
        for job, notify, future in part:
            self._follower.follow(job, notify)
            future.add_done_callback(partial(_leave, self._follower, job))
        return array


def _leave(follower: Follower, job: Job, _: Future[str]) -> None:
    follower.leave(job)


def _at_least(smallest: float, **options: float | None) -> None:
    for name, value in options.items():
        if value is not None and value < smallest:
            raise BadInput(f"--option {name}={value}: give at least {smallest:g}")
