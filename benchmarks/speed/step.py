"""A training step in a later task: NESS in its forms, `naive`, and `frozen` as the floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor

from benchmarks.speed.learner import Batch, Learner, synchroniser
from benchmarks.speed.nets import Net
from benchmarks.speed.paired import Side, timed
from benchmarks.streams.stream import Stream
from ness.rows import weight_columns

TASK = 1
"""The second: from then on a step costs the same, given the ranks."""
STATE: dict[str, Any] = {"tasks_done": TASK, "task_labels": range(TASK), "classes_seen": ()}
"""Of a method that keeps nothing, there."""
BATCHES = 8
"""That the steps go round: one alone would be learnt by heart, and leave no gradient."""
TURN_S = 0.1
"""What a side runs for in a round, at least."""
ENERGY = 1e-6
"""Between nothing and one of the directions that `moments` protects: tells the two apart."""


def sides(net: Net, device: str) -> Mapping[str, Side]:
    """`benchmarks.speed.quantities`: ness, fold, factored and half, naive and frozen."""
    stream = net.stream()
    plain = learner(net, stream, device)
    columns = {
        name: weight_columns(layer) for name, layer in plain.plugin.layers(plain.model).items()
    }
    measured = moments(columns, net.ranks(), device)
    learners = {
        "naive": plain,
        "ness": learner(net, stream, device, measured, form="auto"),
        "fold": learner(net, stream, device, measured, form="fold"),
        "factored": learner(net, stream, device, measured, form="factored"),
    }
    half = moments(columns, {name: d // 2 for name, d in columns.items()}, device)
    learners["half"] = learner(net, stream, device, half, form="auto")
    learners["frozen"] = learner(net, stream, device, strategy="frozen")
    batches = list(islice(plain.strategy.batches("train", TASK, train=True), BATCHES))
    wait = synchroniser(device)
    steps = {name: stepping(each, batches) for name, each in learners.items()}
    times = max(1, round(TURN_S / timed(steps["naive"], untimed=2, times=3, synchronise=wait)()))
    return {
        name: timed(step, times=times, untimed=1, synchronise=wait) for name, step in steps.items()
    }


def learner(
    net: Net,
    stream: Stream,
    device: str,
    M: Mapping[str, Tensor] | None = None,
    *,
    form: str = "auto",
    strategy: str = "naive",
) -> Learner:
    """One in the second task: of NESS with the moments ``M`` of the first, or of ``strategy``."""
    state = dict(STATE)
    if M is None:
        found = Learner(net.spec(strategy, device), stream)
    else:
        found = Learner(net.spec("ness", device, form=form, rule="energy", eps=ENERGY), stream)
        state |= {"moments": "accumulate", "M": M, "kept_data": ()}
    found.begin(TASK, state)
    return found


def stepping(learner: Learner, batches: list[Batch]) -> Callable[[], None]:
    """A step with the next of the batches, again and again."""
    endless = cycle(batches)
    return lambda: learner.step(next(endless))


def moments(columns: Mapping[str, int], ranks: Mapping[str, int], device: str) -> dict[str, Tensor]:
    """M = C C^T of each layer: as many random directions free as ``ranks`` says, no energy there.

    Raises `ValueError` for ranks of other layers.
    """
    if columns.keys() != ranks.keys() or any(ranks[name] > d for name, d in columns.items()):
        raise ValueError(f"ranks {dict(ranks)} do not fit layers of {dict(columns)} inputs")
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name, d in columns.items():
        drawn = torch.randn(d, d - ranks[name], generator=generator, dtype=torch.float64)
        C = torch.linalg.qr(drawn).Q
        found[name] = (C @ C.mT).to(device)
    return found
