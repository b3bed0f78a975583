"""A small sweep as a user runs it, with other numbers of workers and threads: wall seconds.

Every time the command starts anew in an empty folder, so its start is part of it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environment import ROOT
from benchmarks.interruptions import Interrupted
from benchmarks.speed.paired import Side, ratio, rounds
from benchmarks.speed.speed_file import Entry

ROUNDS = 3
STRATEGIES = ("frozen", "naive", "ness", "gpm")
SIDES = {"w2t1": (2, 1), "w1t2": (1, 2), "w1t1": (1, 1)}
"""Workers and threads of each."""
CLASSES, TASKS = 20, 2
STOPPING_S = 60.0
"""That a sweep is given to end when this process is stopped."""

SPEC = """\
stream = "from_tensors/til"
backbone = {backbone}
strategies = {strategies}
seeds = [1]
[stream_args]
file = {file}
tasks = {tasks}
classes_per_task = {classes_per_task}
mean = [0.5]
std = [0.25]
[backbone_args]
{backbone_args}
[optimizer]
lr = 0.01
momentum = 0.9
[protocol]
epochs = 3
batch_size = 64
keep = "last"
"""


@dataclass(frozen=True)
class Sweep:
    """A backbone, and how many images of each class it is trained on."""

    backbone: str
    backbone_args: str
    per_class: int
    side: int
    """Of its images."""


FULL = Sweep("alexnet", 'bn = "batch_stats"', per_class=100, side=32)
QUICK = Sweep("mlp", "hidden = [16]", per_class=20, side=8)


def measure(sweep: Sweep, progress: Callable[[str], None]) -> dict[str, Entry]:
    """The ratios, by name; raises `Interrupted` where a sweep fails."""
    with tempfile.TemporaryDirectory(prefix="ness-scale-") as name:
        folder = Path(name)
        spec = write_spec(sweep, folder)
        sides = {side: _side(spec, folder, *SIDES[side], progress) for side in SIDES}
        times = rounds(sides, budget_s=0, least=ROUNDS, most=ROUNDS, warm_up=0)
    return ratios(times)


def ratios(times: dict[str, list[float]]) -> dict[str, Entry]:
    """The ratios out of the seconds of every side in every round.

    An efficiency is the time of one worker with one thread over twice that of two workers, or of
    one worker with two threads: 1 where doubling halves it.
    """
    seconds = {side: statistics.median(found) for side, found in times.items()}
    double = {side: [2 * s for s in found] for side, found in times.items()}

    def entry(numerator: str, denominator: str, below: list[float]) -> Entry:
        sides = {side: seconds[side] for side in (numerator, denominator)}
        return Entry.of(ratio(times[numerator], below), sides)

    return {
        "sweep/two_workers_one_thread_vs_one_worker_two_threads": entry(
            "w2t1", "w1t2", times["w1t2"]
        ),
        "sweep/efficiency_of_two_workers": entry("w1t1", "w2t1", double["w2t1"]),
        "sweep/efficiency_of_two_threads": entry("w1t1", "w1t2", double["w1t2"]),
    }


def write_spec(sweep: Sweep, folder: Path) -> Path:
    """Write the sweep's TOML, and its images: noise around a mean of the class."""
    generator, shape = np.random.default_rng(0), (3, sweep.side, sweep.side)
    means = generator.uniform(60, 196, (CLASSES, *shape))
    made: dict[str, NDArray[Any]] = {}
    for split, n in (("train", sweep.per_class), ("test", 4)):
        y = np.repeat(np.arange(CLASSES), n)
        noise = generator.normal(0, 30, (len(y), *shape))
        made[f"{split}_x"] = (means[y] + noise).clip(0, 255).astype(np.uint8)
        made[f"{split}_y"] = y
    np.savez(folder / "images.npz", **made)  # type: ignore[arg-type]
    text = SPEC.format(
        backbone=json.dumps(sweep.backbone),
        backbone_args=sweep.backbone_args,
        strategies=json.dumps(STRATEGIES),
        file=json.dumps(str(folder / "images.npz")),
        tasks=TASKS,
        classes_per_task=CLASSES // TASKS,
    )
    spec = folder / "sweep.toml"
    spec.write_text(text)
    return spec


def _side(
    spec: Path, folder: Path, workers: int, threads: int, progress: Callable[[str], None]
) -> Side:
    def side() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            command = [sys.executable, "-m", "benchmarks", "sweep", str(spec), "--out", out]
            command += ["--workers", str(workers), "--set", f"threads={threads}"]
            started = time.perf_counter()
            _finish(command)
            seconds = time.perf_counter() - started
        progress(f"sweep: {workers} workers, {threads} threads each: {seconds:.1f} s")
        return seconds

    return side


def _finish(command: list[str]) -> None:
    # The number of threads is the spec's: none from here.
    settings = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, errors = process.communicate()
    except BaseException:
        # It stops its own workers.
        process.terminate()
        try:
            process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    if process.returncode:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise Interrupted(f"a sweep of the measurement ended with {process.returncode}: {last}")
