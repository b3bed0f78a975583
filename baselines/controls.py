"""Controls: what a method scores without the part that it claims matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from ness.nullspace import NullSpace, take_smallest
from ness.plugin import NESSPlugin
from ness.task_plugin import TaskPlugin


class Frozen(TaskPlugin):
    """The trunk fixed after task 1, heads alone train: the floor of every null-space method.

    A null-space method whose layers have all come out with rank 0 scores exactly this, and
    this forgets nothing, but where one head serves all tasks and classes come again: the last
    layer of that head goes on training freely.

    Keeps nothing between tasks.
    """

    def begin_task(self, strategy: Any) -> None:
        if self.tasks_done > 0:
            layers = self.layers(strategy.model)
            self.ranks = {name: 0 for name in layers if name not in self.rows}
            self.train_only(strategy, [p for name in self.rows for p in layers[name].parameters()])


class RandomSubspace(NESSPlugin):
    """NESS with its ranks, but V random orthonormal: what the small singular directions are worth.

    Everything else, arguments included, is that of `ness.plugin.NESSPlugin`. V is drawn anew
    for every task from the global generator. The bound on the interference is that of any
    orthonormal V: the largest singular value times ||U||_F.

    Keeps what NESS keeps, since the ranks come from it: M, (d, d) float64 a layer; no data.
    """

    def basis(self, name: str) -> NullSpace:
        space = super().basis(name)
        *groups, d, r = space.V.shape
        gaussian = torch.randn(*groups, d, r, dtype=torch.float64)
        Q = torch.linalg.qr(gaussian.to(space.V.device), mode="complete").Q
        V, C = take_smallest(Q, space.ranks), take_smallest(Q.flip(-1), d - space.ranks)
        return replace(space, V=V, C=C, threshold=space.sigma[..., -1])
