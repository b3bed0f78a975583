"""FS-DGPM: flattening sharpness for dynamic GPM (Deng, Chen, Hao, et al.: NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from avalanche.models import MultiTaskModule
from torch import Tensor, nn

from baselines.energy import check_threshold, rising
from baselines.gpm import extend_basis, free_rank
from baselines.projection import ProjectedUpdates
from baselines.reservoir import Reservoir
from ness.layers import Patterns
from ness.rows import weight_matrix
from ness.sam import unmoved_statistics
from ness.task_plugin import check_faults

Fault = Literal["stale_lambdas"]
MOMENTUM = 0.9
"""Of the soft weights' own SGD, as in the authors' code."""


class FSDGPM(ProjectedUpdates):
    """GPM with a learnt weight a direction, on a loss flattened along the directions, with replay.

    Each step goes uphill ``inner_steps`` times, w' <- w' + ``eta1`` * (g C diag(l) C^T), g the
    gradient of a part of the batch (all of g in task 1, and for what is not projected); the loss
    is the mean of those at the points w', on the batch and as many samples of the memory. Its
    gradient, through the climb if ``second_order``, moves w, then dW <- dW - dW C diag(l) C^T; and
    it moves the soft weights l = sigmoid(``temperature`` * theta), theta from ``lam_init`` in every
    task, by SGD with rate ``eta2``. After the task C is made anew from ``samples`` of the memory,
    up to the energy ``threshold + t * increment``. Gradients are clipped to ``clip``. Norm layers,
    biases and all heads go on training, held by the replayed samples. arXiv 2110.04593.

    Defaults are the authors' for CIFAR-100 in ten tasks (their method ``xdgpm``).

    Departures. Those of GPM: energies in float64, all positions of a convolution. Updates are
    projected and not gradients, with the soft weights of the step. ``eta1`` and ``eta2`` do not
    fall with the learning rate. Norm layers move their running statistics by the batch at w.

    As released. ``as_released = ["stale_lambdas"]``: the authors' code replaces the soft weights
    by new tensors that its optimiser does not know, so that they learn in the first step of a task
    alone.

    Keeps ``mem_size`` samples of old data, whatever the number of tasks, and C, (d, k) float32 a
    layer.
    """

    keeps_data: bool = True

    def __init__(
        self,
        *,
        threshold: float = 0.97,
        increment: float = 0.003,
        samples: int = 125,
        mem_size: int = 1000,
        eta1: float = 1e-3,
        eta2: float = 1e-2,
        inner_steps: int = 2,
        second_order: bool = True,
        lam_init: float = 1.0,
        temperature: float = 10.0,
        clip: float = 2.0,
        as_released: Sequence[Fault] = (),
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        check_faults(as_released, Fault)
        check_threshold(threshold, increment)
        if min(samples, mem_size, inner_steps) < 1 or min(eta1, eta2) < 0:
            raise ValueError(
                f"samples = {samples}, mem_size = {mem_size}, inner_steps = {inner_steps}, eta1 = "
                f"{eta1}, eta2 = {eta2}: give at least 1 of the first three, rates of at least 0"
            )
        if min(temperature, clip) <= 0:
            raise ValueError(f"temperature = {temperature}, clip = {clip}: both must be above 0")
        self.threshold, self.increment, self.samples = threshold, increment, samples
        self.eta1, self.eta2, self.inner_steps = eta1, eta2, inner_steps
        self.second_order, self.lam_init, self.temperature = second_order, lam_init, temperature
        self.clip, self.as_released = clip, as_released
        self.memory = Reservoir(mem_size)
        self.C: dict[str, Tensor] = {}
        """Orthonormal basis of the memory's inputs, (d, k) or (groups, d, k)."""
        self.theta: dict[str, Tensor] = {}
        """Logits of the soft weights over ``temperature``, (k,) or (groups, k), in this task."""
        self._velocity: dict[str, Tensor] = {}

    def begin_task(self, strategy: Any) -> None:
        layers = {n: v for n, v in self.adapted(strategy.model).items() if n not in self.rows}
        self.C = {name: C.to(layers[name].weight) for name, C in self.C.items()}
        self.constrained = {name: layers[name] for name in self.C}
        self.ranks = {name: free_rank(C) for name, C in self.C.items()}
        self.theta = {
            name: torch.full_like(C[..., 0, :], self.lam_init).requires_grad_()
            for name, C in self.C.items()
        }
        self._velocity = {}

    def soft_weights(self, name: str) -> Tensor:
        """l of every column of C: 1 protects a direction, 0 leaves it free."""
        return torch.sigmoid(self.temperature * self.theta[name])

    def within(self, name: str, delta: Tensor) -> Tensor:
        """delta C diag(l) C^T for (out, d) or (groups, out/groups, d)."""
        C = self.C[name]
        return ((delta @ C) * self.soft_weights(name)[..., None, :]) @ C.mT

    def project(self, name: str, delta: Tensor) -> Tensor:
        return delta - self.within(name, delta)

    def before_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        penalties = strategy.loss - strategy.criterion()  # what other plugins have added
        with unmoved_statistics(strategy.model):
            flattened = self._flattened_loss(strategy)
        # Without any, the loss at w has no gradient of its own and need not be differentiated.
        strategy.loss = flattened + penalties if penalties.any() else flattened

    def _flattened_loss(self, strategy: Any) -> Tensor:
        model = strategy.model
        batch: tuple[Tensor, ...] = (strategy.mb_x, strategy.mb_y, strategy.mb_task_id)
        joined = batch
        if len(self.memory):
            old = self.memory.draw(len(strategy.mb_y))
            joined = tuple(
                torch.cat([new, kept.to(new)]) for new, kept in zip(batch, old, strict=True)
            )
        weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        losses = []
        for part in torch.arange(len(strategy.mb_y)).chunk(self.inner_steps):
            loss = self._loss(strategy, weights, *(values[part] for values in batch))
            weights = self._climbed(weights, loss)
            losses.append(self._loss(strategy, weights, *joined))
        return torch.stack(losses).mean()

    def _loss(
        self, strategy: Any, weights: dict[str, Tensor], x: Tensor, y: Tensor, task: Tensor
    ) -> Tensor:
        model = strategy.model
        inputs = (x, task) if isinstance(model, MultiTaskModule) else (x,)
        loss: Tensor = strategy._criterion(torch.func.functional_call(model, weights, inputs), y)
        return loss

    def _climbed(self, weights: Mapping[str, Tensor], loss: Tensor) -> dict[str, Tensor]:
        gradients = torch.autograd.grad(
            loss, list(weights.values()), create_graph=self.second_order, allow_unused=True
        )
        names = {f"{name}.weight": name for name in self.constrained}
        climbed = {}
        for (key, weight), gradient in zip(weights.items(), gradients, strict=True):
            if gradient is not None and key in names:
                rows = weight_matrix(self.constrained[names[key]], gradient)
                gradient = self.within(names[key], rows).reshape(weight.shape)
            step = 0 if gradient is None else gradient.clamp(-self.clip, self.clip)
            climbed[key] = weight + self.eta1 * step
        return climbed

    def after_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        nn.utils.clip_grad_norm_(strategy.model.parameters(), self.clip)
        if self._velocity and "stale_lambdas" in self.as_released:
            return
        with torch.no_grad():
            for name, theta in self.theta.items():
                if theta.grad is not None:
                    before = self._velocity.get(name, torch.zeros_like(theta))
                    self._velocity[name] = MOMENTUM * before + theta.grad
                    theta -= self.eta2 * self._velocity[name]
                    theta.grad = None

    def after_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if strategy.clock.train_exp_epochs == 0:
            self.memory.add(strategy.mb_x, strategy.mb_y, strategy.mb_task_id)

    def end_task(self, strategy: Any) -> None:
        energy = rising(self.threshold, self.increment, self.tasks_done)
        batch = self.memory.draw(self.samples)
        moments = self.input_moments(strategy, [batch])
        self.C = {
            name: extend_basis(None, M, energy).float()
            for name, M in moments.items()
            if name not in self.rows
        }
        self.constrained, self.theta, self._velocity = {}, {}, {}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"C": dict(self.C), "memory": self.memory.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.C = dict(state["C"])
        self.memory.load_state_dict(state["memory"])
