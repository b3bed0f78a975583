"""Every generator that a method may draw from is seeded by the run alone."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import interrupt_at, run_spec
from test_run import numbers, trace
from toy_methods import Drawing, register

from benchmarks.run import run
from benchmarks.seeds import seed_all


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_all_three_generators_follow_the_seed_and_the_path() -> None:
    seen = {}
    for path in ((1, "task", 0), (1, "task", 1), (2, "task", 0)):
        seed_all(*path)
        seen[path] = drawn()
        drawn()
        seed_all(*path)
        assert drawn() == seen[path]
    for values in zip(*seen.values(), strict=True):
        assert len(set(values)) == 3


def test_a_method_that_draws_from_all_of_them_repeats_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, "drawing", Drawing)
    spec = run_spec("drawing")
    alone = run(spec, tmp_path / "alone")
    drawn()
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", notify=interrupt_at(task=1, epoch=1))
    for generator in (random.seed, np.random.seed, torch.manual_seed):
        generator(99)
    assert numbers(run(spec, tmp_path / "killed")) == numbers(alone)
    assert trace(tmp_path / "killed", spec) == trace(tmp_path / "alone", spec)
