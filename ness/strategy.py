"""NESS as an Avalanche strategy: its plugin behind one constructor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from avalanche.core import BasePlugin
from avalanche.training.plugins import EvaluationPlugin
from avalanche.training.plugins.evaluation import default_evaluator
from avalanche.training.templates import SupervisedTemplate
from torch import nn
from torch.optim import Optimizer

from ness.forms import NESSForm
from ness.layers import Patterns
from ness.nullspace import Rule
from ness.plugin import Fault, Moments, NESSPlugin


class NESS(SupervisedTemplate[Any, Any, Any]):
    """Plain supervised training plus `NESSPlugin`, whose docstring has the method.

    ``eps`` to ``as_released`` are the plugin's arguments, the rest Avalanche's. The plugin comes
    last of ``plugins``, so that one that restores weights acts before it consolidates them, and
    is at hand as ``self.ness``.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        optimizer: Optimizer,
        criterion: Any = nn.CrossEntropyLoss(),
        eps: float = 1e-3,
        rule: Rule = "nuclear",
        moments: Moments = "accumulate",
        patch_share: float = 1.0,
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
        train_bias: bool = False,
        train_norm: bool = False,
        form: NESSForm = "auto",
        as_released: Sequence[Fault] = (),
        train_mb_size: int = 1,
        train_epochs: int = 1,
        eval_mb_size: int | None = None,
        device: str | torch.device = "cpu",
        plugins: Sequence[BasePlugin[Any]] | None = None,
        evaluator: EvaluationPlugin | Callable[[], EvaluationPlugin] = default_evaluator,
        eval_every: int = -1,
        **base_kwargs: Any,
    ) -> None:
        self.ness = NESSPlugin(
            eps=eps,
            rule=rule,
            moments=moments,
            patch_share=patch_share,
            include=include,
            exclude=exclude,
            heads=heads,
            train_bias=train_bias,
            train_norm=train_norm,
            form=form,
            as_released=as_released,
        )
        super().__init__(
            model=model,
            optimizer=optimizer,
            criterion=criterion,
            train_mb_size=train_mb_size,
            train_epochs=train_epochs,
            eval_mb_size=eval_mb_size,
            device=device,
            plugins=[*(plugins or []), self.ness],
            evaluator=evaluator,
            eval_every=eval_every,
            **base_kwargs,
        )
