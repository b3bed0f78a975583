"""The command: measure each axis and the sweep, keep every point, draw them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.errors import BadInput
from benchmarks.interruptions import needing_memory
from benchmarks.run import deterministic
from benchmarks.speed import scale_runs, sweeping
from benchmarks.speed.nets import THREADS
from benchmarks.speed.scale_file import Scale
from benchmarks.speed.scale_outputs import FILE, write_outputs
from benchmarks.speed.scale_sizes import AXES, FULL, QUICK, Axis, AxisName, Part
from benchmarks.speed.speed_file import environment


def run(out: Path, parts: Sequence[Part], device: str, *, whole: bool, quick: bool) -> Scale:
    """Measure the parts; ``out/scale.json`` has every point as soon as it is known.

    ``whole``: begin a new file; else what is measured joins what is there, which raises `BadInput`
    where that is from another environment, or quick and this is not. ``quick``: tiny sizes.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("--device cuda: torch sees no GPU here; use --device cpu")
    scale = Scale(environment=environment(device, THREADS) | {"quick": quick})
    path = out / FILE
    if not whole and path.exists():
        scale.merge(Scale.read(path), path)
    try:
        with needing_memory(), deterministic(THREADS), warnings.catch_warnings():
            # Of NESS, which says for every net what it freezes from the second task on.
            warnings.simplefilter("ignore", UserWarning)
            for part in parts:
                if part == "sweep":
                    sweep = sweeping.QUICK if quick else sweeping.FULL
                    scale.ratios |= sweeping.measure(sweep, _say)
                    scale.write(path)
                else:
                    _along(part, (QUICK if quick else FULL)[part], device, scale, path)
    finally:
        if scale.points or scale.ratios:
            write_outputs(scale, out)
    return scale


def _along(name: AxisName, axis: Axis, device: str, scale: Scale, path: Path) -> None:
    scale.points = [point for point in scale.points if point.axis != name]
    scale.sizes[name] = _describe(axis)
    for points in scale_runs.measure(name, axis, device):
        scale.replace(points)
        scale.write(path)
        last = points[-1]
        done = len(last.task_s)
        _say(f"{AXES[name].lower()} up to {last.x}: repetition {done} of {axis.repeats}")


def _describe(axis: Axis) -> dict[str, Any]:
    def values(key: str) -> Any:
        found = list(dict.fromkeys(getattr(size, key) for size in axis.sizes))
        return found[0] if len(found) == 1 else found

    return {key: values(key) for key in ("tasks", "width", "samples")} | {"repeats": axis.repeats}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
