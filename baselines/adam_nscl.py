"""Adam-NSCL (Wang, Li, Sun, Xu: Training networks in null space, CVPR 2021, arXiv 2103.07113)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from avalanche.training.plugins import LRSchedulerPlugin
from torch import Tensor, nn

from baselines.projection import ProjectedUpdates, drop, keep
from ness.layers import Patterns, find_heads, norm_parameters
from ness.moments import add_moments, eval_mode
from ness.nullspace import decompose, take_smallest
from ness.task_plugin import check_faults

BATCH = 32
Fault = Literal["noise_floor"]


class AdamNSCL(ProjectedUpdates):
    """Adam whose update lies in the approximate null space of earlier inputs.

    Per layer the covariance X of its inputs is summed over tasks; V holds the eigenvectors
    with lambda <= ``a`` * lambda_min, and the whole update of Adam, weight
    decay included, is multiplied by P = V V^T / ||V V^T||_F, as in the authors' code. As there
    too, X is taken of batch means (the layer's input averaged over each batch of 32) and the
    norm layers are held by EWC with coefficient ``bn_ewc`` (Fisher information of predicted
    labels, one term a task); their running statistics keep moving. ``bn_ewc = None`` freezes
    them instead. Biases are frozen from task 2 on.

    ``optimizer = "adam"`` brings the authors' Adam and learning rates: ``lr_first`` (trunk, task
    1), ``lr`` (trunk, later), ``lr_head``, ``lr_norm``, ``weight_decay`` on all but heads and norm
    layers. ``"shared"`` keeps the strategy's own optimiser.

    Departures. Eigenvalues up to d * eps(float32) * lambda_max always count as null, and
    lambda_min is the smallest above that: the authors' lambda_min is often rounding noise and
    then leaves 5 of 4608 directions. X is summed and not divided by the number of samples,
    as in their code; their paper weights tasks by it. No data augmentation while collecting.

    As released. ``as_released = ["noise_floor"]`` brings the authors' rule back: lambda_min is the
    smallest eigenvalue of a float32 decomposition, rounding noise or not.

    Keeps X, (d, d) float64 a layer, and an importance and a mean per norm parameter and task;
    no data.
    """

    def __init__(
        self,
        *,
        a: float = 10.0,
        bn_ewc: float | None = 100.0,
        optimizer: Literal["adam", "shared"] = "adam",
        lr_first: float = 1e-4,
        lr: float = 5e-5,
        lr_head: float = 1e-3,
        lr_norm: float = 5e-4,
        weight_decay: float = 5e-5,
        as_released: Sequence[Fault] = (),
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        check_faults(as_released, Fault)
        if a < 1:
            raise ValueError(f"a = {a} must be at least 1: lambda <= a * lambda_min is kept")
        if optimizer not in ("adam", "shared"):
            raise ValueError(f"optimizer = {optimizer!r} is unknown; choose adam or shared")
        if min(lr_first, lr, lr_head, lr_norm) <= 0 or weight_decay < 0 or (bn_ewc or 0) < 0:
            raise ValueError("learning rates must be above 0, weight_decay and bn_ewc at least 0")
        self.a, self.bn_ewc, self.optimizer = a, bn_ewc, optimizer
        self.lr_first, self.lr, self.lr_head, self.lr_norm = lr_first, lr, lr_head, lr_norm
        self.weight_decay, self.as_released = weight_decay, as_released
        self.X: dict[str, Tensor] = {}
        """Sum over batches and tasks of f f^T, f the batch mean of the layer's input."""
        self._spaces: dict[str, ApproximateNullSpace] = {}
        self._ewc: list[dict[str, tuple[Tensor, Tensor]]] = []
        self._held: list[tuple[Tensor, Tensor, Tensor]] = []
        """Parameter, importance and mean of every term that the current task is charged."""
        self._own_optimizer: Any = None

    def begin_task(self, strategy: Any) -> None:
        layers = self.adapted(strategy.model)
        if self.optimizer == "adam":
            self._refuse_schedulers(strategy)
            self._own_optimizer = self._own_optimizer or strategy.optimizer
            strategy.optimizer = self._adam(strategy.model)
        if self.tasks_done == 0:
            return
        noisy = "noise_floor" in self.as_released
        self._spaces = {
            name: ApproximateNullSpace(X, self.a, layers[name].weight, noise_floor=noisy)
            for name, X in self.X.items()
            if name in layers
        }
        self.ranks = {name: int(space.ranks.max()) for name, space in self._spaces.items()}
        self.constrained = {name: layers[name] for name in self._spaces}
        parameters = dict(strategy.model.named_parameters())
        self._held = [
            (parameters[name], importance.to(parameters[name]), mean.to(parameters[name]))
            for term in (self._ewc if self.bn_ewc else [])
            for name, (importance, mean) in term.items()
        ]
        self.report_ranks(layers)
        weights = [layer.weight for layer in self.constrained.values()]
        self.train_only(strategy, weights, norms=self.bn_ewc is not None)

    def _refuse_schedulers(self, strategy: Any) -> None:
        for plugin in strategy.plugins:
            if isinstance(plugin, LRSchedulerPlugin):
                raise ValueError(
                    "LRSchedulerPlugin beside AdamNSCL: the scheduler steps another optimiser than "
                    "the one that trains; give optimizer = 'shared', or schedule in a plugin that "
                    "reads strategy.optimizer"
                )

    def _adam(self, model: nn.Module) -> torch.optim.Adam:
        norms = list(norm_parameters(model, self.free_heads).values())
        elsewhere = {id(p) for p in norms}
        in_heads = [p for head in find_heads(model, self.heads).values() for p in head.parameters()]
        heads = [p for p in in_heads if id(p) not in elsewhere]
        elsewhere |= {id(p) for p in heads}
        trunk = [p for p in model.parameters() if id(p) not in elsewhere]
        trunk_lr = self.lr_first if self.tasks_done == 0 else self.lr
        return torch.optim.Adam(
            [
                {"params": trunk, "lr": trunk_lr, "weight_decay": self.weight_decay},
                {"params": heads, "lr": self.lr_head},
                {"params": norms, "lr": self.lr_norm},
            ]
        )

    def project(self, name: str, delta: Tensor) -> Tensor:
        return self._spaces[name].project(delta)

    def before_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        coefficient = self.bn_ewc or 0.0
        for parameter, importance, mean in self._held:
            moved = parameter - mean
            strategy.loss += coefficient * (importance * moved.square()).sum()

    def end_task(self, strategy: Any) -> None:
        batches = self.task_data(strategy, batch_size=BATCH)
        add_moments(self.X, self.input_moments(strategy, batches, statistic="batch_mean"))
        if self.bn_ewc:
            self._ewc.append(self._fisher(strategy))
        self._spaces, self.constrained, self._held = {}, {}, []
        if self._own_optimizer is not None:
            strategy.optimizer, self._own_optimizer = self._own_optimizer, None

    def _fisher(self, strategy: Any) -> dict[str, tuple[Tensor, Tensor]]:
        """Importance (squared gradients of the batch loss) and mean of the norm parameters."""
        model = strategy.model
        norms = {
            n: p for n, p in norm_parameters(model, self.free_heads).items() if p.requires_grad
        }
        if not norms:
            return {}
        importance = {name: torch.zeros_like(p) for name, p in norms.items()}
        batches = list(self.task_data(strategy, batch_size=BATCH))
        with eval_mode(model):
            for batch in batches:
                logits = self.forward(strategy, batch)
                loss = nn.functional.cross_entropy(logits, logits.argmax(1))
                gradients = torch.autograd.grad(loss, list(norms.values()), allow_unused=True)
                for name, gradient in zip(norms, gradients, strict=True):
                    if gradient is not None:
                        importance[name] += gradient.square() * len(logits) / len(batches)
        return {name: (importance[name], p.detach().clone()) for name, p in norms.items()}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"X": dict(self.X), "ewc": list(self._ewc)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.X, self._ewc = dict(state["X"]), list(state["ewc"])


class ApproximateNullSpace:
    """P = V V^T / ||V V^T||_F, with V the eigenvectors of X whose lambda <= a * lambda_min.

    ``X``: (d, d) or (groups, d, d). Eigenvalues up to d * eps(float32) * lambda_max are rounding
    noise: null in any case, and no candidates for lambda_min; unless ``noise_floor`` takes them
    as they come out of float32. ``ranks`` (or one number): free
    directions of each group. The projection uses whichever of V and its complement is
    smaller, with dtype and device of ``like``.
    """

    def __init__(self, X: Tensor, a: float, like: Tensor, *, noise_floor: bool = False) -> None:
        d = X.shape[-1]
        if noise_floor:
            left, falling, _ = torch.linalg.svd(X.float())
            eigenvalues, eigenvectors = falling.double().flip(-1), left.double().flip(-1)
            limit = a * eigenvalues[..., :1]
        else:
            eigenvalues, eigenvectors = decompose(X)
            noise = d * torch.finfo(torch.float32).eps * eigenvalues[..., -1:]
            above = eigenvalues.masked_fill(eigenvalues <= noise, torch.inf)
            smallest = above.amin(-1, keepdim=True)
            limit = torch.maximum(noise, torch.where(smallest.isinf(), noise, a * smallest))
        self.ranks = (eigenvalues <= limit).sum(-1)
        self.mostly_free = bool(self.ranks.sum() > self.ranks.numel() * d / 2)
        if self.mostly_free:
            kept = take_smallest(eigenvectors.flip(-1), d - self.ranks)
        else:
            kept = take_smallest(eigenvectors, self.ranks)
        self.kept = kept.to(like)
        self.norm = self.ranks.clamp(min=1).to(like).sqrt()[..., None, None]

    def project(self, delta: Tensor) -> Tensor:
        """delta P for an update (out, d) or (groups, out/groups, d)."""
        within = drop(delta, self.kept) if self.mostly_free else keep(delta, self.kept)
        projected: Tensor = within / self.norm
        return projected
