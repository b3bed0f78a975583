"""A run's set-up that writes nothing: for what is timed or measured without a results folder."""

from __future__ import annotations

from pathlib import Path

from benchmarks.spec import RunSpec
from benchmarks.streams.stream import Stream
from benchmarks.task_loop import TaskLoop
from benchmarks.workdir import WorkDir


def unwritten(spec: RunSpec, stream: Stream) -> TaskLoop:
    """The net, strategy and plugins of a run; the only file of a task in training, the trace of its
    epochs, is left out."""
    loop = TaskLoop(spec, WorkDir(Path(), spec.id), stream, None)
    loop.protocol.on_epoch = lambda _: None
    return loop
