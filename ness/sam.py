"""Sharpness-aware minimisation (Foret et al.: ICLR 2021, arXiv 2010.01412) as a plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from avalanche.core import SupervisedPlugin
from torch import Tensor, nn

from ness import compat
from ness.layers import keeps_running_statistics

SAMTasks = Literal["first", "all"]


class SAMPlugin(SupervisedPlugin[Any]):
    """Steps with the gradient taken at w + rho * g / ||g||, g the gradient at w (eq. 2 and 3).

    ||g|| is the norm over all parameters that have a gradient, not scaled by the weights.
    ``sam_tasks``: ``"first"`` perturbs in the first task alone and leaves later tasks to plain
    steps, as the authors of NESS do in their code; ``"all"`` perturbs always.

    Both passes use the same random numbers (dropout drops the same units) and the same
    penalties that other plugins add in ``before_backward``. Norm layers move their running
    statistics in the first pass alone, and the loss and outputs that others see are those at w.
    Puts itself before all other plugins, so that what they do to gradients they do to these.
    A gradient that is zero, or not finite, is left as it is.

    Keeps the number of tasks done; a step costs two passes. Wants an optimiser without a
    closure. Raises `ValueError` for a rho or ``sam_tasks`` that mean nothing.
    """

    def __init__(self, *, rho: float = 0.05, sam_tasks: SAMTasks = "all") -> None:
        super().__init__()
        if rho <= 0:
            raise ValueError(f"rho = {rho} must be above 0, for example 0.05")
        if sam_tasks not in get_args(SAMTasks):
            raise ValueError(f"sam_tasks = {sam_tasks!r} is unknown; choose first or all")
        self.rho, self.sam_tasks = rho, sam_tasks
        self.tasks_done = 0
        """Tasks learnt so far."""
        self.second_pass = False
        """Whether the pass under way is the one at the perturbed weights."""
        self._parts = 0
        self._generators: list[Tensor] = []

    def before_training(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        compat.put_first(strategy, self)

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if compat.starts_task(strategy.experience):
            self._parts = 0

    def before_forward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if self._perturbs:
            self._generators = _generator_states(strategy.device)

    def after_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if not self._perturbs:
            return
        parameters = [p for p in strategy.model.parameters() if p.grad is not None]
        outputs, loss = strategy.mb_output, strategy.loss
        with ascended(parameters, self.rho) as moved:
            if moved:
                self._pass_again(strategy)
        strategy.mb_output, strategy.loss = outputs, loss

    @property
    def _perturbs(self) -> bool:
        return self.sam_tasks == "all" or self.tasks_done == 0

    def _pass_again(self, strategy: Any) -> None:
        _set_generator_states(strategy.device, self._generators)
        strategy.optimizer.zero_grad()
        self.second_pass = True
        try:
            with unmoved_statistics(strategy.model):
                strategy.mb_output = strategy.forward()
            strategy.loss = strategy._make_empty_loss() + strategy.criterion()
            strategy._before_backward()
            strategy.backward()
        finally:
            self.second_pass = False

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._parts += 1
        if compat.ends_task(strategy.experience, self._parts):
            self.tasks_done, self._parts = self.tasks_done + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """What an interrupted stream goes on from."""
        return {"tasks_done": self.tasks_done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue after the task that `state_dict` was taken at."""
        self.tasks_done = int(state["tasks_done"])


@contextmanager
def ascended(parameters: Iterable[nn.Parameter], rho: float) -> Iterator[bool]:
    """Parameters at w + rho * g / ||g|| inside, back at w after; False if they cannot move.

    g are their gradients, ||g|| the norm over all of them together.
    """
    moving = [(p, p.grad) for p in parameters if p.grad is not None]
    norm = torch.stack([g.norm() for _, g in moving]).norm() if moving else torch.zeros(())
    if not (torch.isfinite(norm) and norm > 0):
        yield False
        return
    before = [p.detach().clone() for p, _ in moving]
    with torch.no_grad():
        for p, g in moving:
            p.add_(g * (rho / norm))
    try:
        yield True
    finally:
        with torch.no_grad():
            for (p, _), weight in zip(moving, before, strict=True):
                p.copy_(weight)


@contextmanager
def unmoved_statistics(model: nn.Module) -> Iterator[None]:
    """Whatever the model computes inside, its norm layers' running statistics stay.

    They move copies: a buffer that is put back in place could not be differentiated through.
    """
    norms = [module for module in model.modules() if keeps_running_statistics(module)]
    kept = [(module, dict(module._buffers)) for module in norms]
    for module, buffers in kept:
        module._buffers.update({n: None if b is None else b.clone() for n, b in buffers.items()})
    try:
        yield
    finally:
        for module, buffers in kept:
            module._buffers.update(buffers)


def _generator_states(device: torch.device) -> list[Tensor]:
    own = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *own]


def _set_generator_states(device: torch.device, states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)
