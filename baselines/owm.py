"""Orthogonal Weight Modification (Zeng, Chen, Cui, Yu: Nature Machine Intelligence 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from torch import Tensor

from baselines.projection import ProjectedUpdates
from ness.layers import Patterns
from ness.moments import add_moments
from ness.nullspace import decompose

BATCH = 64


class OWM(ProjectedUpdates):
    """Updates multiplied by P = I - A (A^T A + alpha I)^-1 A^T, A earlier inputs (1810.01256).

    A column of A is a layer's input averaged over a batch of 64, from ``passes`` passes over
    the shuffled training split; a convolution gives one column for each position. With S = A
    A^T, P = alpha (S + alpha I)^-1, which is what the authors' recursive least squares arrive
    at with a constant alpha; a direction that A uses with energy s keeps the share alpha /
    (alpha + s) of its update. From task 2 on biases and norm layers are frozen.

    Departures. P is made when a task has ended, from ``passes`` passes in eval mode, and task 1
    is unconstrained; the authors update it in every step of every epoch, also with the current
    task's own batches, and let alpha fall from 1 to between 1e-5 and 0.1 within a task, layer
    by layer. Here alpha is one constant, ours. No gradient clipping. Their code keeps the
    weights of the best test accuracy; here the protocol keeps those of the lowest validation
    loss.

    Keeps S, (d, d) float64 a layer, flat in the number of tasks; no data.
    """

    def __init__(
        self,
        *,
        alpha: float = 1e-3,
        passes: int = 10,
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        if alpha <= 0:
            raise ValueError(f"alpha = {alpha} must be above 0, for example 1e-3")
        if passes < 1:
            raise ValueError(f"passes = {passes} must be at least 1")
        self.alpha, self.passes = alpha, passes
        self.S: dict[str, Tensor] = {}
        """Sum over batches and tasks of a a^T, a the batch mean of the layer's input."""
        self._P: dict[str, Tensor] = {}

    def begin_task(self, strategy: Any) -> None:
        if self.tasks_done == 0:
            return
        layers = self.adapted(strategy.model)
        self.constrained = {name: layers[name] for name in self.S if name in layers}
        self._P = {
            name: projector(self.S[name], self.alpha).to(layer.weight)
            for name, layer in self.constrained.items()
        }
        # The trace of P counts the directions that are left, each by its share.
        self.ranks = {name: int(_trace(P).amax().round()) for name, P in self._P.items()}
        self.report_ranks(layers)
        self.train_only(strategy, [layer.weight for layer in self.constrained.values()])

    def project(self, name: str, delta: Tensor) -> Tensor:
        return delta @ self._P[name]

    def end_task(self, strategy: Any) -> None:
        # Each pass cuts other batches: the means of a single one span too few directions.
        batches = chain.from_iterable(
            self.task_data(strategy, batch_size=BATCH, seed=self.tasks_done * self.passes + i)
            for i in range(self.passes)
        )
        add_moments(self.S, self.input_moments(strategy, batches, statistic="batch_mean"))
        self._P, self.constrained = {}, {}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"S": dict(self.S)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.S = dict(state["S"])


def projector(S: Tensor, alpha: float) -> Tensor:
    """alpha (S + alpha I)^-1 for S (..., d, d), float64, its eigenvalues within 0 to 1.

    Rounding leaves eigenvalues of a rank-deficient S slightly negative, which next to a small
    alpha would turn the inverse into anything: they are zeros.
    """
    eigenvalues, Q = decompose(S)
    P: Tensor = (Q * (alpha / (alpha + eigenvalues))[..., None, :]) @ Q.mT
    return P


def _trace(P: Tensor) -> Tensor:
    return P.diagonal(dim1=-2, dim2=-1).sum(-1)
