"""A user's own data as a stream: a folder of images, or a file of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import BadInput
from benchmarks.streams import stream
from benchmarks.streams.class_splits import as_they_are, split_classes
from benchmarks.streams.image_folder import read_folder
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.parts import Count, Draw, Share, SplitSeed
from benchmarks.streams.stream import Context, Stream
from benchmarks.streams.tensor_file import read_tensors


@stream("til", "cil", "dil")
def from_folder(
    *,
    folder: str,
    tasks: Count,
    classes_per_task: Count,
    size: Count = 32,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """A user's images: ``folder`` holds train/<class>/ and test/<class>/ with .png and .jpg.

    Classes are numbered in the order of their sorted names. Images are turned as their EXIF
    says, put on black where they are transparent, made RGB and resized to ``size`` x ``size``,
    whatever their proportions.
    ``mean``, ``std``: of pixels scaled to 0 to 1, one number or three. For the other
    arguments see `Draw`. Raises `BadInput` for a value that does not fit, and for a folder or
    an image that can't be read.
    """
    images, class_names = read_folder(_path("folder", folder), size)
    return split_classes(
        name=name,
        context=context,
        images=images,
        draw=Draw(train_per_class, test_per_class, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        normalisation=_normalisation(255.0, mean, std, channels=3),
        class_names=class_names,
    )


@stream("til", "cil", "dil")
def from_tensors(
    *,
    file: str,
    tasks: Count,
    classes_per_task: Count,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.05,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """A user's tensors: ``file`` (.npz or .pt) holds train_x, train_y, test_x and test_y.

    Samples are (N, C, H, W) or (N, D), uint8 (scaled to 0 to 1) or float32 (taken as they
    are); labels (N,) are integers from 0 without a gap. ``mean``, ``std``: of the samples so
    scaled, one number or one a channel. For the other arguments see `Draw`. Raises `BadInput` for
    a value that does not fit and for a file that holds something else.
    """
    tensors = read_tensors(_path("file", file))
    peak = 255.0 if tensors.train_x.dtype == "uint8" else 1.0
    return split_classes(
        name=name,
        context=context,
        images=tensors,
        draw=Draw(train_per_class, test_per_class, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        normalisation=_normalisation(peak, mean, std, channels=tensors.train_x.shape[1]),
        layout=as_they_are,
    )


def _path(key: str, value: str) -> Path:
    # An empty one would be the current folder.
    if not value.strip():
        raise BadInput(f"stream_args.{key} = {value!r}: name the {key}")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise BadInput(
            f"stream_args.{key} = {value!r}: there is no such user; write the path in full"
        ) from error


def _normalisation(
    peak: float, mean: Sequence[float], std: Sequence[float], channels: int
) -> Normalisation:
    for key, values in (("mean", mean), ("std", std)):
        if len(values) not in {1, channels}:
            raise BadInput(
                f"stream_args.{key} = {list(values)} are {len(values)} numbers; give one, or one "
                f"for each of the {channels} channels"
            )
    if min(std) <= 0:
        raise BadInput(f"stream_args.std = {list(std)}: give numbers above 0")
    return Normalisation(peak, tuple(mean), tuple(std))
