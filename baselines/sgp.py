"""Scaled Gradient Projection (Saha, Roy: AAAI 2023, arXiv 2302.01386)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from baselines.gpm import GPM


class SGP(GPM):
    """GPM that lets unimportant protected directions move: dW <- dW - dW C diag(lambda) C^T.

    The importance of a direction c in a task is lambda = (alpha + 1) s / (alpha s + max s), s =
    ||c^T R|| the singular value of the task's inputs R along it, the maximum over all
    directions of the layer. A direction enters with that of its own task; later tasks add
    theirs, up to 1. At alpha = 0 importance is s / max s, for alpha to infinity it is 1 and the
    method is GPM. ``threshold`` to ``samples`` are those of `baselines.gpm.GPM`.

    Departures. Those of GPM. The authors rotate new importance onto the old basis with the SVD
    of the projected inputs; ||c^T R|| is the same number.

    Keeps C, (d, k) float32 a layer, growing until k = d, and k importances; no data.
    """

    def __init__(self, *, alpha: float = 10.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        if alpha < 0:
            raise ValueError(f"alpha = {alpha} must be at least 0; the authors take 10")
        self.alpha = alpha
        self.importance: dict[str, Tensor] = {}
        """lambda of every column of C, (k,) or (groups, k)."""

    def remember(self, name: str, M: Tensor) -> None:
        super().remember(name, M)
        C = self.C[name].to(M)
        now = importance((C * (M @ C)).sum(-2).clamp(min=0).sqrt(), self.alpha)
        before = self.importance.get(name, now.new_zeros(*now.shape[:-1], 0)).to(now)
        before = torch.nn.functional.pad(before, (0, now.shape[-1] - before.shape[-1]))
        self.importance[name] = (before + now).clamp(max=1).to(torch.float32)

    def project(self, name: str, delta: Tensor) -> Tensor:
        C, weight = self.C[name], self.importance[name].to(delta)
        return delta - ((delta @ C) * weight[..., None, :]) @ C.mT

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"importance": dict(self.importance)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.importance = dict(state["importance"])


def importance(s: Tensor, alpha: float) -> Tensor:
    """lambda = (alpha + 1) s / (alpha s + max s) for singular values s (..., k), in 0 to 1."""
    if s.shape[-1] == 0:
        return s
    largest = s.amax(-1, keepdim=True)
    scale = alpha * s + largest
    return torch.where(scale > 0, (alpha + 1) * s / scale, torch.zeros_like(s))
