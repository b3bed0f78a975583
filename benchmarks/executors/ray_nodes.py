"""The machines of a Ray cluster: which are alive, have room for a run, and see what it needs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from benchmarks.errors import BadInput, one_line
from benchmarks.executors.shared import ROOT, Shared

SETTLE_S = 3.0
"""Seconds that a machine which is going down may live on after its workers."""
PATIENCE_S = 30.0
"""Seconds for a machine to start a worker, which takes one or two; Ray itself gives up a machine
that does not answer after about as many."""

UNITS = {"CPU": "CPUs", "GPU": "GPUs", "memory": "bytes of memory"}
"""What a run may ask of a machine, by Ray's name."""


def check_room(need: Mapping[str, float]) -> None:
    """Raise `BadInput` if no machine of the cluster is large enough: Ray would wait for ever."""
    if has_room(need):
        return
    asked = ", ".join(f"{amount:g} {UNITS[name]}" for name, amount in need.items() if amount)
    have = "; ".join(
        ", ".join(f"{node['Resources'].get(name, 0):g} {UNITS[name]}" for name in need)
        for node in alive()
    )
    raise BadInput(
        f"a run takes {asked}, and no node of the Ray cluster has as much ({have}): start such a "
        f"node first, or lower --option cpus, gpu_share or memory_gb"
    )


def has_room(need: Mapping[str, float]) -> bool:
    """Whether a machine would have room for such a run if it were idle."""
    return any(
        all(node["Resources"].get(name, 0) >= amount for name, amount in need.items())
        for node in alive()
    )


def alive() -> list[dict[str, Any]]:
    """The machines that Ray does not count as lost."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def check_shared(shared: Shared) -> None:
    """Raise `BadInput` for the first machine that does not see what runs need."""
    import ray

    answers = {node["NodeID"]: _on(node["NodeID"], check).remote(shared) for node in alive()}
    for node in alive():
        if node["NodeID"] not in answers:
            continue
        name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        try:
            complaint = ray.get(answers[node["NodeID"]], timeout=4 * PATIENCE_S)
        except ray.exceptions.GetTimeoutError:
            complaint = "starts no worker: see its Ray logs, or take it out of the cluster"
        except ray.exceptions.RayError as error:
            complaint = (
                f"cannot run the code in {ROOT}: put the same checkout and environment there on "
                f"every node ({last_line(error)})"
            )
        if complaint:
            raise BadInput(f"node {name} {complaint}")


def check(shared: Shared) -> str:
    """Executed on a machine: what it lacks, in words."""
    return shared.complaint()


def is_lost(node: str) -> bool:
    """Whether a machine on which a worker has died is gone too; takes some seconds.

    A worker alone may have been killed. But Ray learns only after missed heartbeats that a machine
    is gone, and one that is being shut down may survive its workers for a moment.
    """
    import ray

    time.sleep(SETTLE_S)
    deadline = time.monotonic() + PATIENCE_S
    while any(node == one["NodeID"] for one in alive()):
        try:
            ray.get(_on(node, answer).remote(), timeout=PATIENCE_S)
        except ray.exceptions.RayError:
            if time.monotonic() > deadline:
                return False
            time.sleep(1)
        else:
            return False
    return True


def last_line(error: Exception) -> str:
    """What went wrong, of the many lines that Ray makes of it."""
    lines = str(error).split("\n")
    return one_line(next((line for line in reversed(lines) if line.strip()), repr(error)))[:300]


def answer() -> None:
    """Executed on a machine: it is there."""


def _on(node: str, function: Any) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    place = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=place)(function)
