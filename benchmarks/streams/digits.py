"""The handwritten digits that scikit-learn carries: 1,797 images of 8 x 8, no download."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from benchmarks.data import Arrays
from benchmarks.data.cache import array_sha256
from benchmarks.streams import stream
from benchmarks.streams.class_splits import split_classes
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.parts import Draw, Share, SplitSeed, hold_out
from benchmarks.streams.stream import Context, Stream


@stream("til", "cil", "dil")
def split_digits(
    *,
    tasks: Annotated[int, Field(ge=1, le=5)] = 5,
    test_share: Share = 0.25,
    valid_share: Share = 0.15,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """Split Digits: tasks of two classes, 0 to 9 in order; pixels 0 to 16 scaled to 0 to 1.

    In ``dil`` the two outputs are the first and the second class of a task: even and odd digits,
    in the fixed class order.

    ``test_share`` of all images is held out by class for the test, then ``valid_share`` of
    the rest for validation, both with ``split_seed`` and alike for every seed of a sweep.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = digits.images.astype(np.uint8)[..., None]
    y = digits.target.astype(np.int64)
    kept, held = hold_out(y, test_share, np.random.default_rng(split_seed), "test_share")
    arrays = Arrays(x[kept], y[kept], x[held], y[held], "scikit-learn", array_sha256(x, y))
    return split_classes(
        name=name,
        context=context,
        images=arrays,
        draw=Draw(None, None, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=2,
        normalisation=Normalisation(peak=16.0),
    )
