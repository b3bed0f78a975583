"""Both sides of the loop's ratio do the same work: they end with the same weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_runs import run_spec, same_tensors

from benchmarks.build import load_stream
from benchmarks.spec import RunSpec
from benchmarks.speed.loop import BareLoop, HarnessLoop
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Stream, Task

DECAYING = ("optimizer.weight_decay=1e-3", "protocol.epochs=7")


def images(side: int, n: int, task: int) -> Split:
    drawn = torch.Generator().manual_seed(task)
    x = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=drawn)
    return Split(x, torch.randint(0, 2, (n,), generator=drawn), torch.full((n,), task))


def of_digits() -> tuple[RunSpec, Stream]:
    spec = run_spec("naive", *DECAYING)
    return spec, load_stream(spec, None)


def of_images() -> tuple[RunSpec, Stream]:
    """AlexNet: dropout, batch norm, and a last batch of one."""
    spec = run_spec("naive", "backbone=alexnet", "backbone_args={}", *DECAYING)
    tasks = tuple(
        Task((0, 1), images(19, 33, t), images(19, 4, t), images(19, 4, t)) for t in (0, 1)
    )
    constants = Normalisation(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    return spec, Stream("random/til", tasks, constants, data_hash="")


@pytest.mark.parametrize("made", [of_digits, of_images])
def test_bare_and_harness_end_with_the_same_weights(made) -> None:
    spec, stream = made()
    bare, harness = BareLoop(spec, stream), HarnessLoop(spec, stream)
    before = {name: value.clone() for name, value in bare.model.state_dict().items()}
    assert same_tensors(before, harness.model.state_dict())
    for _ in range(2):
        assert bare.step() > 0
        assert harness.step() > 0
        assert same_tensors(bare.model.state_dict(), harness.model.state_dict())
    assert not same_tensors(before, bare.model.state_dict())
    other = replace(stream, tasks=stream.tasks[::-1])
    assert not same_tensors(trained(BareLoop(spec, other)), trained(BareLoop(spec, stream)))
    bare.setup()
    harness.setup()
    assert same_tensors(before, bare.model.state_dict())
    assert same_tensors(before, harness.model.state_dict())


def trained(side: BareLoop) -> dict[str, torch.Tensor]:
    side.step()
    return side.model.state_dict()


def test_a_step_is_one_epoch_and_writes_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec, stream = of_digits()
    harness = HarnessLoop(spec, stream)
    harness.step()
    batches = -(-len(stream.tasks[0].train) // spec.protocol.batch_size)
    assert harness.strategy.clock.train_iterations == batches
    assert [*tmp_path.iterdir()] == []
