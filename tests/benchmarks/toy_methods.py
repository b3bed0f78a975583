"""Strategies that only tests register: a kind of each that the runner has to honour."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import baselines
from baselines.stock import Naive


class Cumulative(Naive):
    """Trains on all tasks so far, and notes the tasks of every batch."""

    sees: ClassVar[Any] = "seen"
    keeps_data: ClassVar[bool] = True
    batches: ClassVar[list[tuple[int, list[int]]]] = []

    def before_forward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.batches.append((strategy.experience.current_experience, strategy.mb_task_id.tolist()))


class Forgetful(Naive):
    """Adds to every gradient what it has seen so far, which no checkpoint holds."""

    resumable: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.drift = 0.0

    def before_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.drift += 1e-4
        for parameter in strategy.model.parameters():
            if parameter.grad is not None:
                parameter.grad.add_(self.drift)


class Drawing(Naive):
    """Adds numbers of all three global generators to the gradients, as a method may."""

    def before_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        drawn = random.random() + np.random.rand() + float(torch.rand(()))
        for parameter in strategy.model.parameters():
            if parameter.grad is not None:
                parameter.grad.add_(drawn * 1e-2)


def register(monkeypatch: pytest.MonkeyPatch, name: str, plugin: type[Naive]) -> None:
    """Let specs name a plugin class of this module until the test ends."""
    monkeypatch.setitem(baselines.STRATEGIES, name, f"toy_methods:{plugin.__name__}")
