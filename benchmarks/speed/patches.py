"""NESS's bases from a share of the windows of each convolution, beside those of all windows.

The net is trained on the first task of a run and then left as it is, so that all bases are of the
same inputs: what differs is the draw alone.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.build import load_stream
from benchmarks.environment import ROOT
from benchmarks.interruptions import needing_memory
from benchmarks.run import deterministic
from benchmarks.seeds import seed_all
from benchmarks.spec import RunSpec
from benchmarks.speed.paired import ratio, rounds, timed
from benchmarks.speed.patches_file import Angles, Basis, Draw, LayerSize, Patches
from benchmarks.speed.speed_file import Entry, environment
from benchmarks.speed.subspaces import leak, principal_angles
from benchmarks.speed.unwritten import unwritten
from benchmarks.streams.stream import Stream
from benchmarks.sweep_spec import expand, load_sweep
from ness import compat
from ness.moments import InputMoments
from ness.nullspace import NullSpace, null_space
from ness.rows import ConvNd, weight_columns

SPEC = ROOT / "benchmarks" / "specs" / "cpu" / "split_cifar100_small.toml"
SHARES = (0.5, 0.25, 0.1, 0.05, 0.02)
EPS = (1e-3, 1e-2)
SEEDS = (0, 1, 2, 3, 4)
BATCH_SIZE = 64
"""Of the moments pass, as `ness.task_plugin.TaskPlugin.task_data` has it."""
BUDGET_S = 150.0
"""Of timing the moments passes."""


def run(data_dir: Path | None) -> Patches:
    """Measure the papers' AlexNet on CIFAR-100; `BadInput` where the images are not there."""
    chosen = load_sweep(SPEC, ['strategies=["ness"]', "seeds=[1]"])
    (spec,) = expand(chosen)
    stream = load_stream(spec, data_dir)
    with needing_memory(), deterministic(spec.threads):
        return measure(spec, stream)


def measure(
    spec: RunSpec,
    stream: Stream,
    *,
    shares: Sequence[float] = SHARES,
    eps: Sequence[float] = EPS,
    seeds: Sequence[int] = SEEDS,
    budget_s: float = BUDGET_S,
) -> Patches:
    """Train the first task of a run of `ness`, then take the moments of its convolutions."""
    place = environment(spec.device, spec.threads)
    _say(f"training the first task of {spec.stream}")
    task = FirstTask(spec, stream)
    exact = task.moments()
    names = list(task.convolutions)
    spaces = {(name, each): null_space(exact[name], eps=each) for each in eps for name in names}
    draws: dict[tuple[str, float], dict[str, list[Draw]]] = {key: {} for key in spaces}
    for share in shares:
        _say(f"{share:g} of the windows, {len(seeds)} draws")
        for seed in seeds:
            drawn = task.moments(share, seed)
            for (name, each), space in spaces.items():
                found = compare(space, null_space(drawn[name], eps=each), exact[name])
                draws[name, each].setdefault(f"{share:g}", []).append(found)
    _say(f"timing the passes, {budget_s:.0f} s")
    return Patches(
        environment=place,
        spec=spec.model_dump(mode="json"),
        data_hash=stream.data_hash,
        seeds=list(seeds),
        layers=task.sizes(),
        bases=[
            Basis(
                layer=name,
                eps=each,
                rank=space.rank,
                leak=_short(leak(space.V, exact[name])),
                draws=draws[name, each],
            )
            for (name, each), space in spaces.items()
        ],
        seconds=_seconds(task, shares, budget_s),
    )


class FirstTask:
    """A run after its first task, whose moments can be taken any number of times."""

    def __init__(self, spec: RunSpec, stream: Stream) -> None:
        loop = unwritten(spec, stream)
        seed_all(spec.data_seed, "task", 0)
        loop.strategy.train(loop.benchmark.train_stream[0], eval_streams=[])
        self.strategy, self.plugin, self.model = loop.strategy, loop.plugin, loop.model
        self.layers = self.plugin.layers(self.model)
        self.convolutions = {n: c for n, c in self.layers.items() if isinstance(c, ConvNd)}
        dataset = loop.benchmark.train_stream[0].dataset
        self.batches = list(compat.evaluation_batches(dataset, batch_size=BATCH_SIZE, seed=0))

    def moments(self, share: float = 1.0, seed: int = 0) -> dict[str, Tensor]:
        """One pass as NESS makes it when a task ends, over the inputs of all its layers."""
        moments = InputMoments(self.layers, patch_share=share, seed=seed)
        moments.collect(self.model, self.batches, lambda b: self.plugin.forward(self.strategy, b))
        return moments.M

    def sizes(self) -> dict[str, LayerSize]:
        """What each convolution sees in one pass."""
        windows = dict.fromkeys(self.convolutions, 0)

        def counting(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
            def count(_: nn.Module, __: Any, output: Tensor) -> None:
                windows[name] += output.shape[0] * output.shape[2:].numel()

            return count

        handles = [
            layer.register_forward_hook(counting(name)) for name, layer in self.convolutions.items()
        ]
        self.moments()
        for handle in handles:
            handle.remove()
        return {
            name: LayerSize(inputs=weight_columns(layer), windows=windows[name])
            for name, layer in self.convolutions.items()
        }


def compare(exact: NullSpace, sampled: NullSpace, M: Tensor) -> Draw:
    """The basis of sampled windows beside the exact one, whose moments are M."""
    energy = exact.sigma.square()
    return Draw(
        rank=sampled.rank,
        leak=_short(leak(sampled.V, M)),
        least=_short(float(energy[: sampled.rank].sum() / energy.sum()) ** 0.5),
        free=_angles(exact.V, sampled.V),
        protected=_angles(exact.C, sampled.C),
    )


def _angles(A: Tensor, B: Tensor) -> Angles | None:
    angles = principal_angles(A, B)
    if not len(angles):
        return None
    return Angles(
        median=_short(float(torch.quantile(angles, 0.5))), largest=_short(float(angles[-1]))
    )


def _seconds(task: FirstTask, shares: Sequence[float], budget_s: float) -> dict[str, Entry]:
    sides = {"all": timed(task.moments)}
    sides |= {f"{share:g}": timed(partial(task.moments, share)) for share in shares}
    times = rounds(sides, budget_s=budget_s)
    typical = {side: statistics.median(seconds) for side, seconds in times.items()}
    return {
        side: Entry.of(ratio(times[side], times["all"]), {s: typical[s] for s in (side, "all")})
        for side in sides
        if side != "all"
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
