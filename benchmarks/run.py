"""One run: a spec in, a record out, with a checkpoint after every task."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import torch

import baselines
from benchmarks.backbones.norms import TaskNorm
from benchmarks.build import build_model, load_stream
from benchmarks.claims import Held, claim
from benchmarks.errors import BadInput
from benchmarks.interruptions import Interrupted, needing_memory, writing
from benchmarks.precision import require
from benchmarks.records import RunRecord, record_path
from benchmarks.spec import RunSpec
from benchmarks.streams.stream import SPLITS, Stream
from benchmarks.task_loop import Notify, TaskLoop
from benchmarks.workdir import WorkDir, read_or_set_aside


def run(
    spec: RunSpec,
    out: Path,
    *,
    data_dir: Path | None = None,
    notify: Notify | None = None,
    retry: frozenset[str] = frozenset(),
    trackers: Sequence[str] = (),
    seen: str | None = None,
) -> RunRecord:
    """Run a spec, or go on after its last finished task, and write its record.

    ``trackers`` get its curves, see `benchmarks.trackers`, and decide no number.

    A spec that has a record already is not run again, unless its status is in ``retry`` and it is
    the record that had ``seen`` as its end: another sweep may have made it anew. A run that fails
    or diverges is a record too. Raises `benchmarks.claims.Claimed` while another
    process works on the same run, or when one has taken it over from this one, `Interrupted`
    where a file cannot be written or memory runs out, and `KeyboardInterrupt` on Ctrl-C: the
    checkpoint stays and the next call goes on from it (a method that is not `resumable` starts
    again from task 1).
    """
    work = WorkDir(out, spec.id)
    work.make()
    with needing_memory(), _claimed(work) as held, work.logging(), deterministic(spec.threads):
        work.clear_the_way()
        # Looked for under the claim: another sweep may have written it since this one looked.
        path = record_path(out, spec.stream, spec.strategy, spec.id)
        done = read_or_set_aside(path)
        work.clean(path, keep_checkpoint=done is None or done.status == "failed")
        if done is not None and not done.is_repeated(retry, seen):
            return done
        work.event(
            "start",
            host=socket.gethostname(),
            gpus=os.environ.get("CUDA_VISIBLE_DEVICES"),
            stream=spec.stream,
            strategy=spec.strategy,
            seed=spec.seed,
            epochs=spec.protocol.epochs,
        )
        status = "interrupted"
        work.check_claim = held.check
        try:
            record = TaskLoop(spec, work, load_stream(spec, data_dir), notify, trackers).execute()
            held.check()
            record.write(out)
            work.clean(path, keep_checkpoint=record.status == "failed")
            status = record.status
        finally:
            with suppress(Interrupted):  # the record, or what is raised, says how it ended
                work.event("end", status=status)
    return record


@contextmanager
def _claimed(work: WorkDir) -> Iterator[Held]:
    with ExitStack() as stack:
        with writing(work.claim):
            held = stack.enter_context(claim(work.claim))
        yield held


def check(spec: RunSpec, stream: Stream, *, here: bool = True) -> None:
    """Raise `BadInput` for a spec that cannot run on its stream, before anything is trained.

    ``here``: whether it runs on this machine, which then has to have a GPU if the spec wants one.
    """
    model = build_model(spec, stream)
    plugin = baselines.load(spec.strategy)(**spec.strategy_args)
    if stream.scenario not in plugin.scenarios:
        raise BadInput(
            f"strategy {spec.strategy!r} does not support {stream.scenario!r}; it supports "
            f"{', '.join(sorted(plugin.scenarios))}"
        )
    _check_batches(spec, stream, model)
    if plugin.resets_model and any(isinstance(m, TaskNorm) for m in model.modules()):
        raise BadInput(
            f"backbone_args.bn = 'task_stats' keeps the statistics of every task's net, and "
            f"{spec.strategy!r} starts a new net for each task; set bn = 'batch_stats'"
        )
    if here and spec.device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device = 'cuda' but torch sees no GPU here; set device = 'cpu'")
    if here:
        require(spec.precision, spec.device)
    try:
        plugin.check_model(model, task_incremental=stream.scenario == "til")
    except ValueError as error:
        raise BadInput(f"strategy.{spec.strategy}: {error}") from error


def _check_batches(spec: RunSpec, stream: Stream, model: torch.nn.Module) -> None:
    """Batch norm cannot normalise a batch of one, nor say so before it meets one."""
    if not any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        return
    for key in ("batch_size", "eval_batch_size"):
        if getattr(spec.protocol, key) == 1:
            raise BadInput(f"protocol.{key} = 1: {spec.backbone} has batch norm, give at least 2")
    for number, task in enumerate(stream.tasks, start=1):
        for split in SPLITS:
            if len(getattr(task, split)) == 1:
                raise BadInput(
                    f"the {split} split of task {number} has one image and {spec.backbone} has "
                    f"batch norm: change stream_args so that it has two"
                )


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """``threads`` torch threads and deterministic algorithms inside, the old settings after.

    Gradients of convolutions differ between one thread and two.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=only_warned)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
