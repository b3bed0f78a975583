"""LoRA in sequence: one low-rank adapter a task, merged after it (Hu et al.: ICLR 2022)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from ness.adapter import Form, LowRankUpdate, attach, check_form
from ness.attached import adapted_layers
from ness.layers import Patterns
from ness.rows import weight_columns
from ness.task_plugin import TaskPlugin


class LoRA(TaskPlugin):
    """W + (alpha / r) B A, both trained, merged when the task ends (arXiv 2106.09685).

    Task 1 trains the whole net. From task 2 on every adapted layer gets a new pair, B (out x r)
    from zero and A (r x d) Kaiming-uniform, and the rest is frozen just as under NESS: what
    differs from NESS is the rank and that no direction is protected. ``alpha`` defaults to r.
    A convolution is adapted on its flattened patches.

    Departures. Applied in sequence, to all layers of a small net, with no dropout on the
    adapter.

    Keeps nothing between tasks.
    """

    trains_updates: ClassVar[bool] = True

    def __init__(
        self,
        *,
        r: int = 16,
        alpha: float | None = None,
        form: Form = "auto",
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        if r < 1:
            raise ValueError(f"r = {r} must be at least 1")
        check_form(form)
        self.r, self.alpha, self.form = r, r if alpha is None else alpha, form

    def begin_task(self, strategy: Any) -> None:
        if self.tasks_done == 0:
            return
        layers = self.adapted(strategy.model)
        for layer in layers.values():
            if layer.weight.requires_grad:
                groups = getattr(layer, "groups", 1)
                A = torch.empty(groups * self.r, weight_columns(layer))
                nn.init.kaiming_uniform_(A, a=math.sqrt(5))
                basis = A.unflatten(0, (groups, self.r)).mT if groups > 1 else A.mT
                scale = self.alpha / self.r
                attach(layer, basis, form=self.form, trainable_basis=True, scale=scale)
        adapted = {n: a for n, a in adapted_layers(layers).items() if isinstance(a, LowRankUpdate)}
        self.ranks = {name: layer.U.shape[1] for name, layer in adapted.items()}
        pairs = [p for layer in adapted.values() for p in (layer.U, layer.V)]
        self.train_only(strategy, [p for p in pairs if isinstance(p, nn.Parameter)])

    def end_task(self, strategy: Any) -> None:
        merge_updates(self.layers(strategy.model))


def merge_updates(layers: Mapping[str, nn.Module]) -> None:
    """Fold every update that is attached to the layers into its weight."""
    for layer in adapted_layers(layers).values():
        layer.merge()
