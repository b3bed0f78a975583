"""One kind of ratio on one net, measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace

from benchmarks.speed import consolidation, options, step
from benchmarks.speed.loop import BareLoop, HarnessLoop
from benchmarks.speed.nets import NETS, Net
from benchmarks.speed.paired import Side, ratio, rounds
from benchmarks.speed.quantities import Kind, names
from benchmarks.speed.speed_file import Entry

Progress = Callable[[int, float], None]
"""Called with the rounds done and the seconds left."""

LEAST: dict[Kind, int] = {"step": 15, "consolidate": 3, "loop": 3, "options": 15}
"""Rounds that are measured even where the time is up."""
WARM_UP: dict[Kind, int] = {"step": 1, "consolidate": 0, "loop": 1, "options": 1}
"""Rounds before; what prepares a consolidation has consolidated all other tasks."""
SHARES: dict[Kind, dict[str, float]] = {
    "step": {"alexnet": 3, "mlp": 1, "mlp_mnist": 1, "resnet18": 3},
    "consolidate": {"alexnet": 4, "mlp": 1, "mlp_mnist": 1, "resnet18": 6},
    "loop": {"alexnet": 4, "mlp": 1, "mlp_mnist": 1, "resnet18": 2},
    "options": {"alexnet": 1, "resnet18": 2},
}
"""Of the time for all, by what a round takes."""


def loop_sides(net: Net, device: str) -> Mapping[str, Side]:
    """``harness``: an epoch of `naive` through Avalanche; ``bare``: the same in a plain loop."""
    net = replace(net, samples=net.loop_samples or net.samples)
    spec, stream = net.spec("naive", device), net.stream()
    return {"bare": BareLoop(spec, stream).step, "harness": HarnessLoop(spec, stream).step}


SIDES: dict[Kind, Callable[[Net, str], Mapping[str, Side]]] = {
    "step": step.sides,
    "consolidate": consolidation.sides,
    "loop": loop_sides,
    "options": options.sides,
}


def budget(kind: Kind, net: str, total_s: float) -> float:
    """Seconds of ``total_s``, the time for every kind and net, that one of them gets."""
    everything = sum(sum(shares.values()) for shares in SHARES.values())
    return total_s * SHARES[kind][net] / everything


def measure(
    kind: Kind, net: str, device: str, total_s: float, progress: Progress
) -> dict[str, Entry]:
    """The ratios of one kind on one net, by name."""
    times = rounds(
        SIDES[kind](NETS[net], device),
        budget_s=budget(kind, net, total_s),
        least=LEAST[kind],
        warm_up=WARM_UP[kind],
        progress=progress,
    )
    return {
        name: Entry.of(
            ratio(times[q.numerator], times[q.denominator]),
            {side: statistics.median(times[side]) for side in (q.numerator, q.denominator)},
        )
        for name, q in names(kind, net).items()
    }
