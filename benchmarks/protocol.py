"""How every task is trained in this literature, as an Avalanche plugin.

Learning rate falls by a factor when the validation loss has not improved for some epochs;
training ends when it falls below a least value; the weights of the lowest validation loss
are restored (GPM, SGP, TRGP, NESS: protocol.md section 1), or with ``keep = "last"`` those of the
last epoch kept. Avalanche's EarlyStoppingPlugin
restores them only when patience runs out and can leave the next task without an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from avalanche.core import SupervisedPlugin
from torch import Tensor

from benchmarks.seeds import seed_all
from benchmarks.spec import ProtocolSpec
from ness import compat
from ness.moments import eval_mode


@dataclass(frozen=True)
class Epoch:
    """A line of the trace: mean losses over samples, the learning rate it was trained at."""

    task: int
    epoch: int
    lr: float
    train_loss: float
    valid_loss: float


class Diverged(Exception):
    """A loss that is NaN or infinite; the message names task and epoch."""


class Protocol(SupervisedPlugin[Any]):
    """The schedule above, for any strategy with `benchmarks.loading.StreamStrategy`'s ``batches``
    and ``outputs``.

    Puts itself before all other plugins, so that a method consolidates the restored weights
    wherever it stands in the user's list. Seeds the global generators at every epoch from
    (seed, task, epoch), so that dropout depends neither on the method nor on evaluations.
    """

    def __init__(
        self, spec: ProtocolSpec, *, seed: int, on_epoch: Callable[[Epoch], None] = lambda _: None
    ) -> None:
        super().__init__()
        self.spec, self.seed, self.on_epoch = spec, seed, on_epoch
        self.epochs_done = 0
        """Epochs trained in the latest task."""
        self.kept_epoch: int | None = None
        """The epoch, from 1, whose weights the latest task ended with."""
        self._lrs: list[float] = []
        self._scale = 1.0
        self._patience = 0
        self._best_loss = math.inf
        self._best: dict[str, Tensor] = {}
        self._loss_sum: Tensor | None = None
        self._samples = 0

    def before_training(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        compat.put_first(strategy, self)

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        compat.fresh_optimizer(strategy)
        self.epochs_done, self._scale, self._patience = 0, 1.0, self.spec.patience
        self._best_loss, self._best, self._lrs = math.inf, {}, []
        self.kept_epoch = None

    def before_training_epoch(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        # Only now: a method may have brought an optimiser of its own.
        if not self._lrs:
            self._lrs = [group["lr"] for group in strategy.optimizer.param_groups]
        task = strategy.experience.current_experience
        seed_all(self.seed, "epoch", task, self.epochs_done)
        self._loss_sum, self._samples = None, 0

    def after_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        n = len(strategy.mb_y)
        loss = strategy.loss.detach() * n
        self._loss_sum = loss if self._loss_sum is None else self._loss_sum + loss
        self._samples += n

    def after_training_epoch(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        task = strategy.experience.current_experience
        lr = self._lrs[0] * self._scale
        train_loss = math.nan if self._loss_sum is None else float(self._loss_sum) / self._samples
        self._require_finite(train_loss, "training", task)
        valid_loss = validation_loss(strategy)
        self._require_finite(valid_loss, "validation", task)
        self.on_epoch(Epoch(task, self.epochs_done, lr, train_loss, valid_loss))
        self.epochs_done += 1
        improved, keeps_best = valid_loss < self._best_loss, self.spec.keep == "best"
        if improved or not keeps_best:
            self.kept_epoch = self.epochs_done
        if improved:
            self._best_loss, self._patience = valid_loss, self.spec.patience
            self._best = _snapshot(strategy.model) if keeps_best else {}
            return
        self._patience -= 1
        if self._patience > 0:
            return
        self._patience = self.spec.patience
        self._scale /= self.spec.factor
        if self._lrs[0] * self._scale < self.spec.lr_min:
            # Asked for in the last epoch it would end the next task before it began.
            if self.epochs_done < strategy.train_epochs:
                strategy.stop_training()
        else:
            self._set_lrs(strategy, self._scale)

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        _restore(strategy.model, self._best)
        self._best = {}
        self._set_lrs(strategy, 1.0)

    def _set_lrs(self, strategy: Any, scale: float) -> None:
        for group, lr in zip(strategy.optimizer.param_groups, self._lrs, strict=True):
            group["lr"] = lr * scale

    def _require_finite(self, loss: float, kind: str, task: int) -> None:
        if not math.isfinite(loss):
            raise Diverged(
                f"{kind} loss is {loss} at task {task + 1}, epoch {self.epochs_done + 1}"
            )


@torch.no_grad()
def validation_loss(strategy: Any) -> float:
    """Mean loss over the validation split of the task in training, in eval mode."""
    total, samples = 0.0, 0
    task = strategy.experience.current_experience
    with eval_mode(strategy.model), compat.isolated_rng():
        for x, y, task_labels in strategy.batches("valid", task):
            loss = strategy._criterion(strategy.outputs(x, task_labels), y)
            total += float(loss) * len(y)
            samples += len(y)
    return total / samples


def _snapshot(model: torch.nn.Module) -> dict[str, Tensor]:
    """What can change while a task is trained: trainable parameters and buffers."""
    moving = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return {
        name: tensor.detach().clone() for name, tensor in [*moving.items(), *model.named_buffers()]
    }


@torch.no_grad()
def _restore(model: torch.nn.Module, best: dict[str, Tensor]) -> None:
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, value in best.items():
        tensors[name].copy_(value)
