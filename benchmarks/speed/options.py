"""A step of `naive` with what a user may ask for, or torch offers, that leaves the method alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import torch

from benchmarks.spec import RunSpec
from benchmarks.speed.learner import Learner, synchroniser
from benchmarks.speed.nets import Net
from benchmarks.speed.paired import Side, timed
from benchmarks.speed.step import BATCHES, STATE, TASK, stepping


def sides(net: Net, device: str) -> Mapping[str, Side]:
    """``plain``; with ``channels_last``; with ``fast_dropout``, where the net has dropout; with
    the ``fused`` step of torch's SGD."""
    stream, plain = net.stream(), net.spec("naive", device)
    specs: dict[str, RunSpec] = {
        "plain": plain,
        "fused": plain,
        "channels_last": plain.model_copy(update={"channels_last": True}),
    }
    if net.has_dropout:
        arguments = {**plain.backbone_args, "fast_dropout": True}
        specs["fast_dropout"] = plain.model_copy(update={"backbone_args": arguments})
    wait = synchroniser(device)
    found = {}
    for name, spec in specs.items():
        learner = Learner(spec, stream)
        if name == "fused":
            learner.strategy.optimizer = _fused(learner.strategy.optimizer)
        learner.begin(TASK, STATE)
        batches = list(islice(learner.strategy.batches("train", TASK, train=True), BATCHES))
        found[name] = timed(stepping(learner, batches), untimed=1, synchronise=wait)
    return found


def _fused(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    (group,) = optimizer.param_groups
    settings = {key: group[key] for key in ("lr", "momentum", "weight_decay")}
    return torch.optim.SGD(group["params"], **settings, fused=True)
