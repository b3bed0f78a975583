"""Every work-around for Avalanche 0.6.0 that the methods need, one function each.

Each has a contract test in tests/ness/test_compat.py that fails when a new release of
Avalanche changes what it relies on. All other contact with Avalanche is its documented
plugin interface.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks import OnlineCLExperience
from avalanche.models import IncrementalClassifier, MultiHeadClassifier, NCMClassifier
from avalanche.models.cosine_layer import CosineIncrementalClassifier
from avalanche.training.plugins import (
    EWCPlugin,
    MASPlugin,
    RWalkPlugin,
    SynapticIntelligencePlugin,
)
from torch import nn
from torch.utils.data import DataLoader

from ness.moments import batch_slices

AVALANCHE_HEADS = (
    MultiHeadClassifier,
    IncrementalClassifier,
    CosineIncrementalClassifier,
    NCMClassifier,
)
WEIGHT_IMPORTANCE = (EWCPlugin, SynapticIntelligencePlugin, MASPlugin, RWalkPlugin)


def starts_task(experience: Any) -> bool:
    """Whether a training experience begins a task: all but an online stream's later parts."""
    return not _is_online(experience) or bool(experience.is_first_subexp)


def ends_task(experience: Any, parts: int) -> bool:
    """Whether a training experience, the ``parts``-th of its task, ends the task.

    Avalanche's splitter does not mark the last part of a task whose length is a multiple of
    the part's, so the parts are counted too.
    """
    if not _is_online(experience):
        return True
    return bool(experience.is_last_subexp) or parts == experience.sub_stream_length


def whole_task(experience: Any) -> Any:
    """The experience that holds all of the task's training data and its labels."""
    return experience.origin_experience if _is_online(experience) else experience


def _is_online(experience: Any) -> bool:
    if not isinstance(experience, OnlineCLExperience):
        return False
    if not experience.access_task_boundaries:
        raise ValueError(
            "the online stream hides its task boundaries, which this method needs: "
            "build it with access_task_boundaries=True"
        )
    return True


def known_task_labels(experience: Any) -> set[int]:
    """The task labels of the experience and, where its stream has a length, of its siblings.

    A stream without a length may be generated while it is consumed: it is left alone.
    """
    experience = whole_task(experience)
    siblings = _siblings(experience)
    return {
        int(label)
        for member in (experience, *siblings)
        for label in set(getattr(member, "task_labels", []))
    }


def has_siblings(experience: Any) -> bool:
    """Whether the experience's task is known to be one of several."""
    return len(_siblings(whole_task(experience))) > 1


def _siblings(experience: Any) -> list[Any]:
    stream: Any = getattr(experience, "origin_stream", ())
    return list(stream) if hasattr(stream, "__len__") else []


def task_batches(experience: Any, *, batch_size: int, seed: int) -> Iterator[Any]:
    """`evaluation_batches` of an experience's data set."""
    return evaluation_batches(experience.dataset, batch_size=batch_size, seed=seed)


def evaluation_batches(dataset: Any, *, batch_size: int, seed: int) -> Iterator[Any]:
    """Batches of an Avalanche dataset with its evaluation transforms, each of one task.

    The order is a fixed shuffle: norm layers without running statistics use those of the
    batch, and the batches of a class-sorted data set are not like those of training. The
    global generators are not touched. A last batch of one joins the one before.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.as_tensor(list(getattr(dataset, "targets_task_labels", [0] * len(dataset))))
    batches: list[list[int]] = []
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0]
        members = members[torch.randperm(len(members), generator=generator)]
        batches += [members[part].tolist() for part in batch_slices(len(members), batch_size)]
    yield from DataLoader(
        dataset.eval(),
        batch_sampler=batches,
        collate_fn=dataset.collate_fn,
        generator=generator,
    )


def fresh_optimizer(strategy: Any) -> None:
    """Give the optimiser exactly the model's parameters and the state of a new one.

    Avalanche fills the optimiser before ``before_training_exp``: what a plugin adds or drops
    there would not be trained, without a word. Its own `make_optimizer` fails with two
    parameter groups, keeps momentum from the last task by default, and empties the state
    that optimisers such as Adagrad build in their constructor. Here a new parameter joins
    the group of its nearest relative in the module tree, the groups keep their options, and
    the state is that of a newly built optimiser.
    """
    optimizer, parameters = strategy.optimizer, dict(strategy.model.named_parameters())
    group_of = {
        id(parameter): index
        for index, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
    }
    names = {name: group_of[id(p)] for name, p in parameters.items() if id(p) in group_of}
    members: list[list[nn.Parameter]] = [[] for _ in optimizer.param_groups]
    for name, parameter in parameters.items():
        members[names.get(name, _group_of_relatives(name, names))].append(parameter)
    for group, params in zip(optimizer.param_groups, members, strict=True):
        group["params"] = params
        group.pop("param_names", None)
    optimizer.state.clear()
    options = inspect.signature(type(optimizer)).parameters
    with_members = [dict(group) for group in optimizer.param_groups if group["params"]]
    if with_members:
        defaults = {key: value for key, value in optimizer.defaults.items() if key in options}
        optimizer.state.update(type(optimizer)(with_members, **defaults).state)
    strategy.optimized_param_id = parameters


def _group_of_relatives(name: str, groups: dict[str, int]) -> int:
    """The group of the weight beside it, else the commonest below the longest shared prefix."""
    prefix = name.rpartition(".")[0]
    if f"{prefix}.weight" in groups:
        return groups[f"{prefix}.weight"]
    while prefix:
        relatives = [group for other, group in groups.items() if other.startswith(f"{prefix}.")]
        if relatives:
            return max(sorted(set(relatives)), key=relatives.count)
        prefix = prefix.rpartition(".")[0]
    return 0


def put_first(strategy: Any, plugin: Any) -> None:
    """Place a plugin before all others of a strategy, once.

    In a new list: Avalanche may be iterating over the old one.
    """
    strategy.plugins = [plugin, *(other for other in strategy.plugins if other is not plugin)]


def classes_of(experience: Any) -> set[int]:
    """The class labels of an experience's task, as its data set has them."""
    experience = whole_task(experience)
    targets = getattr(experience.dataset, "targets", ())
    return {int(label) for label in getattr(targets, "uniques", targets)}


@contextmanager
def isolated_rng() -> Iterator[None]:
    """Leave the generators of torch (all devices), NumPy and Python as they were.

    Evaluation draws from the global generators (loaders, new heads), so how often one
    evaluates would change the training that follows.
    """
    python, numpy = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def refuse_weight_importance(strategy: Any, method: str) -> None:
    """Raise `ValueError` for plugins that penalise changes of parameters by name.

    While a method trains U beside a weight, the weight stands still and the penalty on it
    is nothing, without a word; some of them fail on the new name instead. Where it trains the
    weight within U V^T, the penalty would pull it out of there.
    """
    for plugin in strategy.plugins:
        if isinstance(plugin, WEIGHT_IMPORTANCE):
            raise ValueError(
                f"{type(plugin).__name__} beside {method}: it penalises changes of the weights, "
                f"and {method} trains updates of its own; use one of the two"
            )


def refuse_wrapped(model: nn.Module, method: str) -> None:
    """Raise `ValueError` for models whose layers cannot be changed between tasks."""
    for name, module in model.named_modules():
        where = f"{type(module).__name__} at {name!r}" if name else type(module).__name__
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            raise ValueError(
                f"{method} cannot adapt a model inside {where}: pass the plain module and run "
                f"one process a GPU"
            )
        compiled = isinstance(module, torch._dynamo.eval_frame.OptimizedModule)
        if compiled or getattr(module, "_compiled_call_impl", None) is not None:
            raise ValueError(
                f"{method} cannot adapt the compiled {where}: pass the plain module, let the "
                f"method adapt it, then compile"
            )
