"""What NESS does between two tasks, beside an epoch of `naive` on a task of the same size.

Consolidation of a task is what its record counts as such: decomposition, bases and attachment
before its first step, merging and moments after its last. The tasks have their full size, and of
their training two steps are left, on which none of this depends.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from benchmarks.speed.learner import Learner, synchroniser
from benchmarks.speed.nets import Net
from benchmarks.speed.paired import Side, timed
from benchmarks.speed.step import TASK, learner

BATCHES = 2
"""Steps of every task."""
SAMPLED = 0.1
"""Of all patches, on the side that measures a share of them."""
PREPARING = 0.02
"""The same in the tasks before those that are timed, on whose patches no time here depends."""


def sides(net: Net, device: str) -> Mapping[str, Side]:
    """``early`` and ``late``: consolidation of the second and of the last task; ``sampled``: of the
    last with a share of all patches; ``epoch``."""
    stream = net.stream()
    ness, plain = Learner(net.spec("ness", device), stream), learner(net, stream, device)
    last = len(stream.tasks) - 1
    states = {}
    ness.plugin.patch_share = PREPARING
    for task in range(last):
        ness.consolidate(task, batches=BATCHES)
        if task + 1 in (TASK, last):
            states[task + 1] = ness.state()

    def consolidation(task: int, patch_share: float = 1.0) -> Side:
        def side() -> float:
            ness.restore(states[task])
            ness.plugin.patch_share = patch_share
            return ness.consolidate(task, batches=BATCHES)

        return side

    batches = plain.strategy.batches("train", TASK, train=True)
    plain.epoch(islice(batches, BATCHES))  # the first steps are slower
    epoch = timed(lambda: plain.epoch(batches), synchronise=synchroniser(device))
    return {
        "early": consolidation(TASK),
        "late": consolidation(last),
        "sampled": consolidation(last, SAMPLED),
        "epoch": epoch,
    }
