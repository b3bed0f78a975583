"""What a run will cost, from a few timed steps of it.

A method is trained on the first tasks thinned to a few batches, once with few and once with
more; what grows with the samples and what does not is told apart by a straight line through the
two, and the line is followed to the size of the real tasks. The first three tasks have lines of
their own: most methods leave the first one alone, and some look back at one old task in the second
and at several from the third on. The third stands for all later ones; what a method adds with every
further task (EWC's penalties, TRGP's memories) is not foreseen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor

import baselines
from benchmarks.build import load_stream
from benchmarks.records import RunRecord
from benchmarks.run import check, deterministic
from benchmarks.spec import RunSpec
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Sees, Stream, Task
from benchmarks.task_loop import TaskLoop
from benchmarks.workdir import WorkDir

TASKS = 3
BATCHES = (2, 8)
"""A task in the small probe and in the large one."""
ITERATIONS = 12
"""Of each task at least; RWalk scores every ten, and cannot do without a score."""


class ProbeFailed(Exception):
    """The probe's run did not finish; the message is its error."""


@dataclass(frozen=True)
class Estimate:
    """Of one whole run."""

    seconds: float
    """With every task trained for all its epochs."""
    memory_bytes: int
    """Peak of the process (of the GPU, on a GPU), the data of all tasks included."""


@dataclass(frozen=True)
class Probe:
    """One timed short run; lists have an entry a trained task."""

    samples: list[int]
    epoch_s: list[float]
    """Of the last epoch, its validation included."""
    consolidate_s: list[float]
    eval_s: float
    """An image that is evaluated."""
    state_bytes: list[int]
    peak_bytes: int


def estimate(spec: RunSpec, data_dir: Path | None, scratch: Path) -> Estimate:
    """Time and memory of a run on this machine; raises `BadInput` and `ProbeFailed`.

    ``scratch``: a folder for what the probes write. Call it in a process of its own, or the peak is
    that of whatever else ran there.
    """
    stream = load_stream(spec, data_dir)
    check(spec, stream)
    stream = stream.evaluated_on(spec.evaluate_on)
    with deterministic(spec.threads):
        small, large = (probe(spec, stream, batches, scratch) for batches in BATCHES)
    sees = baselines.load(spec.strategy)(**spec.strategy_args).sees
    seconds = images = 0.0
    for step in range(stream.steps(sees)):
        n = len(stream.data("train", step, sees))
        seconds += spec.protocol.epochs * follow(small, large, step, n, lambda p: p.epoch_s)
        seconds += follow(small, large, step, n, lambda p: p.consolidate_s)
        images += images_tested(stream, step, sees)
        if spec.protocol.track_old_tasks:
            images += spec.protocol.epochs * old_images(stream, step)
    growth = further_state(large.state_bytes, stream.steps(sees)) if sees == "task" else 0
    return Estimate(seconds + images * large.eval_s, large.peak_bytes + growth)


def further_state(kept: Sequence[int], steps: int) -> int:
    """Bytes that a method keeps after ``steps`` tasks beyond those after the last of the probe,
    growing as it did from the last but one; never negative."""
    if len(kept) < 2:
        return 0
    return max(0, steps - len(kept)) * max(0, kept[-1] - kept[-2])


def images_tested(stream: Stream, step: int, sees: Sees) -> int:
    """Test images of one evaluation: the tasks so far, and the next, unseen."""
    last = min(stream.tasks_of(step, sees)[-1] + 1, len(stream.tasks) - 1)
    return sum(len(task.test) for task in stream.tasks[: last + 1])


def old_images(stream: Stream, step: int) -> int:
    """Test images of the earlier tasks: where the spec tracks them, tested after every epoch."""
    return sum(len(task.test) for task in stream.tasks[:step])


def follow(
    small: Probe, large: Probe, step: int, n: int, of: Callable[[Probe], list[float]]
) -> float:
    """Seconds at ``n`` samples on the line through the two probes, never falling with n."""
    at = min(step, len(large.samples) - 1)
    (x0, y0), (x1, y1) = ((p.samples[at], of(p)[at]) for p in (small, large))
    slope = max(0.0, (y1 - y0) / (x1 - x0)) if x1 > x0 else 0.0
    if slope * x1 > y1:  # a line from below zero: all of it grows
        return y1 / x1 * n
    return y1 + slope * (n - x1)


def probe(spec: RunSpec, stream: Stream, batches: int, scratch: Path) -> Probe:
    """Train the thinned first tasks and time them; of the epochs the last, the first warms up."""
    size, epochs = spec.protocol.batch_size, max(2, math.ceil(ITERATIONS / batches))
    changed = {"epochs": epochs, "lr_min": 0.0, "track_old_tasks": False}
    short = spec.model_copy(update={"protocol": spec.protocol.model_copy(update=changed)})
    tasks = tuple(thinned(task, batches * size) for task in stream.tasks[:TASKS])
    thin = replace(stream, tasks=tasks)
    epoch_ends: dict[int, list[float]] = {}

    def notify(task: int, _epoch: int, _steps: int) -> None:
        epoch_ends.setdefault(task, []).append(time.perf_counter())

    work = WorkDir(scratch / str(batches), spec.id)
    work.folder.mkdir(parents=True)
    with work.logging():  # warnings too: the sweep will say them again
        record = TaskLoop(short, work, thin, notify).execute()
    if record.status != "finished":
        raise ProbeFailed((record.error or record.status).strip().splitlines()[-1])
    sees = baselines.load(spec.strategy)(**spec.strategy_args).sees
    steps = range(thin.steps(sees))
    return Probe(
        samples=[len(thin.data("train", step, sees)) for step in steps],
        epoch_s=[ends[-1] - ends[-2] for ends in epoch_ends.values()],
        consolidate_s=[task.consolidate_s for task in record.tasks],
        eval_s=_eval_s(record, sum(images_tested(thin, step, sees) for step in steps)),
        state_bytes=[task.state_bytes for task in record.tasks],
        peak_bytes=max(task.peak_memory_bytes for task in record.tasks),
    )


def _eval_s(record: RunRecord, images: int) -> float:
    return sum(task.eval_s for task in record.tasks) / images


def thinned(task: Task, samples: int) -> Task:
    """A task with ``samples`` training samples, its other splits thinned alike."""
    share = min(1.0, samples / len(task.train))
    return replace(
        task,
        train=_thinned(task.train, share),
        valid=_thinned(task.valid, share),
        test=_thinned(task.test, share),
    )


def _thinned(split: Split, share: float) -> Split:
    n = min(len(split), max(2, round(share * len(split))))
    index = torch.linspace(0, len(split) - 1, n).long()
    values = {field.name: getattr(split, field.name) for field in fields(split)}
    return replace(
        split, **{key: value[index] for key, value in values.items() if isinstance(value, Tensor)}
    )
