"""A run ends with the same numbers whatever became of its checkpoint."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import SMALLER, count, kinds
from mutants import BYTES, mutants, put
from small_runs import interrupt_at, run_specs
from test_run import numbers

from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.workdir import WorkDir


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSpec, bytes, dict[str, Any]]:
    """A run, its checkpoint after the first task, and the numbers it ends with undisturbed."""
    out, (spec,) = tmp_path_factory.mktemp("interrupted"), run_specs(["ness"], [1], *SMALLER)
    with pytest.raises(KeyboardInterrupt):
        run(spec, out, notify=interrupt_at(task=1))
    checkpoint = WorkDir(out, spec.id).checkpoint.read_bytes()
    return spec, checkpoint, numbers(run(spec, out))


def _resaved(data: bytes, draw: Any) -> bytes:
    """A whole archive of something else: wrong types, numbers, keys and another record."""
    state = torch.load(io.BytesIO(data), weights_only=True)
    key = draw.choice(list(state))
    value = draw.choice([None, [], {}, -1, 10**30, float("nan"), "x", torch.zeros(2)])
    state[key] = value
    if draw.random() < 0.1:
        del state[key]
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


CHECKPOINTS = {**BYTES, "another state": _resaved}


@pytest.mark.parametrize(("kind", "number"), kinds(CHECKPOINTS, "checkpoints"))
def test_a_run_ends_alike_whatever_became_of_its_checkpoint(
    tmp_path: Path,
    interrupted: tuple[RunSpec, bytes, dict[str, Any]],
    kind: str,
    number: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec, checkpoint, undisturbed = interrupted
    for n, mutant in enumerate(mutants(checkpoint, CHECKPOINTS[kind], kind, number)):
        work = WorkDir(tmp_path / str(n), spec.id)
        work.folder.mkdir(parents=True)
        put(work.checkpoint, kind, mutant)
        assert numbers(run(spec, tmp_path / str(n))) == undisturbed
        log = work.log.read_text()
        aside = work.checkpoint.with_name("checkpoint.pt.damaged-1").exists()
        told = f"{work.checkpoint}: damaged checkpoint" in log
        told |= f"{work.checkpoint}: not a file; kept as" in capsys.readouterr().err
        assert aside == told
        assert aside != ("going on after task 1" in log)
        count("checkpoints", "set aside, run repeated" if aside else "resumed alike")
