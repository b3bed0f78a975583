"""Small specs, and what is built from them, for the tests of the harness."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from avalanche.training.plugins import EvaluationPlugin

import baselines
from benchmarks.build import build_model, build_optimizer, load_stream
from benchmarks.loading import StreamStrategy
from benchmarks.spec import RunSpec
from benchmarks.sweep_spec import expand, load_sweep

SMALL = Path(__file__).with_name("small.toml")

STRATEGIES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "gem" and find_spec("quadprog") is None, reason="gem needs quadprog"
        ),
    )
    for name in sorted(baselines.STRATEGIES)
]
"""Every registered strategy, as parameters of a test."""


def run_specs(strategies: list[str], seeds: list[int], *overrides: str) -> list[RunSpec]:
    """The runs of `SMALL` with other strategies, seeds and ``key=value`` overrides."""
    chosen = [f"strategies={json.dumps(strategies)}", f"seeds={seeds}"]
    return expand(load_sweep(SMALL, [*chosen, *overrides]))


def run_spec(strategy: str = "naive", *overrides: str, seed: int = 1) -> RunSpec:
    """One run of `SMALL`."""
    return run_specs([strategy], [seed], *overrides)[0]


def make_strategy(spec: RunSpec, plugins: list[Any], **kwargs: Any) -> StreamStrategy:
    """The strategy of a run with plugins of one's own choice."""
    stream = load_stream(spec, None)
    model = build_model(spec, stream)
    return StreamStrategy(
        stream=stream,
        sees="task",
        data_seed=spec.data_seed,
        model=model,
        optimizer=build_optimizer(spec.optimizer, model),
        train_mb_size=spec.protocol.batch_size,
        train_epochs=spec.protocol.epochs,
        eval_mb_size=spec.protocol.eval_batch_size,
        plugins=plugins,
        evaluator=EvaluationPlugin(loggers=[]),
        **kwargs,
    )


def interrupt_at(task: int, epoch: int = 0) -> Callable[[int, int, int], None]:
    """A ``notify`` that ends the run as Ctrl-C would, after an epoch of a task."""

    def notify(now_task: int, now_epoch: int, _: int) -> None:
        if (now_task, now_epoch) == (task, epoch):
            raise KeyboardInterrupt

    return notify


def same_tensors(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Whether two state dicts are equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
