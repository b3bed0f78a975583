"""Updates confined to a subspace of each layer's inputs, whatever the optimiser."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ness.layers import Patterns
from ness.rows import Layer, weight_matrix
from ness.task_plugin import TaskPlugin


class ProjectedUpdates(TaskPlugin):
    """Base of methods that project the update of each adapted layer's weight.

    What is projected is the change that the optimiser's step made, weight decay, momentum
    and Adam's scaling included: projecting the gradient alone confines plain SGD only. For
    plain SGD and SGD with momentum the two are equal.
    """

    def __init__(self, **patterns: Patterns) -> None:
        super().__init__(**patterns)
        self.constrained: dict[str, Layer] = {}
        """The layers whose updates are projected in the current task, by name."""
        self._before: dict[str, Tensor] = {}

    def project(self, name: str, delta: Tensor) -> Tensor:
        """The allowed part of an update, (out, d) or (groups, out/groups, d) as given."""
        raise NotImplementedError

    def before_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        super().before_update(strategy)
        self._before = {
            name: layer.weight.detach().clone() for name, layer in self.constrained.items()
        }

    @torch.no_grad()
    def after_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        # Outside autocast: rounded to bfloat16 a projection protects to three digits.
        with torch.autocast(strategy.device.type, enabled=False):
            for name, layer in self.constrained.items():
                before = self._before[name]
                delta = weight_matrix(layer, layer.weight - before)
                allowed = self.project(name, delta)
                if name in self.rows:
                    allowed = torch.where(self.rows[name].new[:, None], delta, allowed)
                layer.weight.copy_(before + allowed.reshape(before.shape))
        self._before = {}
        super().after_update(strategy)


def drop(delta: Tensor, C: Tensor) -> Tensor:
    """delta - delta C C^T: the part of an update orthogonal to the columns of C (..., d, k)."""
    return delta - (delta @ C) @ C.mT


def keep(delta: Tensor, V: Tensor) -> Tensor:
    """delta V V^T: the part of an update within the columns of V (..., d, r)."""
    return (delta @ V) @ V.mT
