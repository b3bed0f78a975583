"""Where runs execute: one interface, `Executor.submit`, for this process, workers and clusters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from benchmarks.arguments import complete
from benchmarks.errors import BadInput, nearest
from benchmarks.executors.job import Executor, Job, Notify, WorkerDied

__all__ = ["EXECUTORS", "Executor", "Job", "Notify", "WorkerDied", "make"]

EXECUTORS = {
    "inline": "benchmarks.executors.inline:Inline",
    "processes": "benchmarks.executors.processes:Processes",
    "ray": "benchmarks.executors.ray_cluster:Ray",
    "slurm": "benchmarks.executors.slurm.executor:SlurmArrays",
}
"""Lazy: the engines of clusters are extras, imported by those alone who name them."""


def make(
    kind: str | None = None,
    *,
    workers: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Executor:
    """An executor by name; None: this process for one worker, processes for more.

    ``workers``: runs at a time; None is one here, and on a cluster as many as it has room for.
    ``options``: further keyword arguments of its constructor, as ``--option`` gives them. Raises
    `BadInput` for an unknown name or option and for a value that cannot be.
    """
    if workers is not None and workers < 1:
        raise BadInput(f"--workers {workers}: give at least 1")
    if kind is None:
        kind = "inline" if workers in (None, 1) else "processes"
    if kind not in EXECUTORS:
        raise BadInput(f"--executor {kind}: {nearest(kind, EXECUTORS)}")
    module, _, name = EXECUTORS[kind].partition(":")
    made = getattr(import_module(module), name)
    given = complete(made, options or {}, where="option", skip=frozenset({"workers"}))
    executor: Executor = made(workers=workers, **given)
    return executor
