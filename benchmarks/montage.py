"""A picture of a stream: the first training batch of each task, to be looked at."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from benchmarks import streams
from benchmarks.arguments import complete
from benchmarks.build import context_of
from benchmarks.errors import BadInput, nearest
from benchmarks.loading import TensorBatches
from benchmarks.overrides import apply_override
from benchmarks.seeds import derive
from benchmarks.spec import ClassOrder, Seed, Table, parse
from benchmarks.streams.stream import Stream

PANEL_INCHES, DPI, TITLE_WIDTH = 3.0, 150, 46
GAP = 1
"""White pixels between the images of a batch."""


class Shown(Table):
    """What of a spec ``--set`` may change where a stream is shown."""

    stream_args: dict[str, Any] = Field(default_factory=dict)
    class_order: ClassOrder = "fixed"
    seed: Seed = 1
    """Of the class order where it is per_seed, and of the batches: the seed of a run."""


def read_overrides(overrides: Sequence[str]) -> Shown:
    """``key=value`` of the command line; raises `BadInput` for an unknown key and its value."""
    data: dict[str, Any] = {}
    for override in overrides:
        apply_override(override, data)
    return parse(Shown, data, where="--set")


def make_stream(name: str, overrides: Sequence[str], data_dir: Path | None) -> Stream:
    """A stream by its name, with the overrides of `Shown`.

    Raises `BadInput` for an unknown name or key, for a value that does not fit and for missing
    data.
    """
    if name not in streams.STREAMS:
        raise BadInput(f"unknown stream {name!r}; {nearest(name, streams.STREAMS)}")
    shown = read_overrides(overrides)
    function, harness = streams.STREAMS[name], frozenset({"name", "context"})
    arguments = complete(function, shown.stream_args, where="stream_args", skip=harness)
    return function(
        **arguments, context=context_of(shown.class_order, shown.seed, data_dir=data_dir)
    )


def picture_file(out: Path) -> Path:
    """The file that is written for ``--out``: .png where it has no suffix.

    Raises `BadInput` for a folder, which an empty name is too.
    """
    if out.is_dir():
        raise BadInput(f"--out {str(out)!r} is a folder; give a FILE, such as {out / 'a.png'}")
    return out if out.suffix.strip(".") else out.with_name(f"{out.name.rstrip('.')}.png")


def write_montage(stream: Stream, out: Path, *, batch_size: int = 64, seed: int = 1) -> None:
    """Picture the batches with which a run of ``seed`` begins each task, in a file of any kind
    that matplotlib writes.

    The net's inputs, normalised and put back to 0 to 1 (what is beyond is cut off), so that a
    wrong normalisation, channel order or orientation shows. Raises `BadInput` for samples that
    are no images and for a file that cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if len(stream.input_shape) != 3 or stream.input_shape[0] not in {1, 3}:
        raise BadInput(
            f"{stream.name}: samples of shape {stream.input_shape} are no images; give a stream of "
            f"(1, H, W) or (3, H, W)"
        )
    mosaics = [mosaic(first_batch(stream, t, batch_size, seed)) for t in range(len(stream.tasks))]
    columns = math.ceil(math.sqrt(len(mosaics)))
    rows = math.ceil(len(mosaics) / columns)
    figure = Figure(figsize=(columns * PANEL_INCHES, rows * PANEL_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{stream.name}: first training batch of each task", fontsize=10)
    for t, picture in enumerate(mosaics):
        axes = figure.add_subplot(rows, columns, t + 1)
        axes.imshow(picture.permute(1, 2, 0).expand(-1, -1, 3).numpy(), interpolation="antialiased")
        axes.set_title(title(stream, t), fontsize=7)
        axes.set_axis_off()
    try:
        figure.savefig(out, dpi=DPI)
    except (OSError, ValueError) as error:
        raise BadInput(f"{out}: cannot be written ({error}); give another --out FILE") from error


def first_batch(stream: Stream, task: int, batch_size: int, seed: int) -> Tensor:
    """The first training batch of a task (n, C, H, W), normalised and put back to 0 to 1."""
    split = stream.data("train", task)
    batches = TensorBatches(
        split,
        stream.normalisation,
        batch_size,
        seed=derive(seed, "batches", task),
        reshuffle=True,
        device=torch.device("cpu"),
    )
    x = next(iter(batches))[0]
    # A task's samples all come from one member.
    source = None if split.source is None else split.source[: len(x)]
    return stream.normalisation.undo(x, source).clamp(0, 1)


def mosaic(images: Tensor) -> Tensor:
    """Images (n, C, H, W) side by side in a picture (C, H', W') as square as can be."""
    n, channels, height, width = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    picture = torch.ones(channels, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP)
    for i, image in enumerate(images):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        picture[:, top : top + height, left : left + width] = image
    return picture


def title(stream: Stream, task: int) -> str:
    """The task's number, its data set where it is one of several, and the names of its classes."""
    classes = stream.tasks[task].classes
    names = [stream.class_names[c] if stream.class_names else str(c) for c in classes]
    member = f" ({stream.members[task]})" if stream.members else ""
    return textwrap.fill(f"task {task + 1}{member}: {', '.join(names)}", TITLE_WIDTH)
