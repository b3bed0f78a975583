"""Split miniImageNet, the hardest of the papers' three streams."""

from __future__ import annotations

from benchmarks import data
from benchmarks.streams import stream
from benchmarks.streams.class_splits import split_classes
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.parts import Count, Draw, Share, SplitSeed
from benchmarks.streams.stream import Context, Stream

NORMALISATION = Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""ImageNet's, as in the authors' dataloader (protocol.md section 2)."""


@stream("til", "cil")
def split_miniimagenet(
    *,
    tasks: Count = 20,
    classes_per_task: Count = 5,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    valid_share: Share = 0.02,
    split_seed: SplitSeed = 0,
    name: str,
    context: Context,
) -> Stream:
    """Split miniImageNet: 20 tasks of five classes; 84 x 84, colour.

    The authors deal classes in the random order of the run's seed: that is ``class_order =
    "per_seed"`` in the spec, which gives their very order. For the other arguments see `Draw`.
    Raises `BadInput` for a value that does not fit and for missing data.
    """
    return split_classes(
        name=name,
        context=context,
        images=data.load("miniimagenet", context.data_dir),
        draw=Draw(train_per_class, test_per_class, valid_share, split_seed),
        tasks=tasks,
        classes_per_task=classes_per_task,
        normalisation=NORMALISATION,
    )
