"""The command: measure what was asked for, keep it, draw it, and judge it."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.errors import BadInput
from benchmarks.interruptions import needing_memory
from benchmarks.run import deterministic
from benchmarks.speed.measure import LEAST, Progress, budget, measure
from benchmarks.speed.nets import NETS, THREADS
from benchmarks.speed.outputs import FILE, write_outputs
from benchmarks.speed.quantities import Kind, names
from benchmarks.speed.speed_file import Measured, Timed, environment

EVERY_S = 15.0
"""Between two lines of progress."""


def run(
    out: Path,
    kinds: Sequence[Kind],
    nets: Sequence[str],
    device: str,
    total_s: float,
    *,
    whole: bool,
) -> Measured:
    """Measure the kinds on the nets; ``out/speed.json`` has each as soon as it is known.

    ``whole``: begin a new file; else ratios join those that are there, which raises `BadInput`
    where these are from another environment. ``total_s``: the time for all kinds and nets; each of
    them has a share, and what prepares it comes on top.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("--device cuda: torch sees no GPU here; use --device cpu")
    todo = [(kind, net) for kind in kinds for net in nets if names(kind, net)]
    wanted = [name for kind, net in todo for name in names(kind, net)]
    measured = Measured(environment=environment(device, THREADS), missing=wanted)
    path = out / FILE
    if not whole and path.exists():
        measured.merge(Measured.read(path), path)
    try:
        with needing_memory(), deterministic(THREADS), warnings.catch_warnings():
            # Of NESS, which says for every net what it freezes from the second task on.
            warnings.simplefilter("ignore", UserWarning)
            for number, (kind, net) in enumerate(todo, start=1):
                what = f"{number}/{len(todo)} {kind} {net}"
                _say(f"{what}: preparing, then {budget(kind, net, total_s):.0f} s")
                found = measure(kind, net, device, total_s, _progress(what, LEAST[kind]))
                measured.ratios |= found
                measured.nets[net] = Timed(**NETS[net].describe())
                measured.missing = [name for name in measured.missing if name not in found]
                measured.write(path)
                for name, entry in found.items():
                    _say(f"{name}: {entry.median:.3f} ({entry.low:.3f} to {entry.high:.3f})")
    finally:
        if measured.ratios:
            write_outputs(measured, out)
    return measured


def _progress(what: str, least: int) -> Progress:
    last = [time.perf_counter()]

    def report(rounds_done: int, left_s: float) -> None:
        now = time.perf_counter()
        if now - last[0] >= EVERY_S:
            last[0] = now
            left = f"{left_s:.0f} s left" if left_s > 0 else f"at least {least}"
            _say(f"{what}: {rounds_done} rounds, {left}")

    return report


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
