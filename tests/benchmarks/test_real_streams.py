"""The streams on real images, where the cache has them: balance, leaks, normalisation, old splits.

``python -m benchmarks data import ../shared/data`` brings them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache as memoise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.data import cache, data_folder
from benchmarks.streams import STREAMS
from benchmarks.streams.stream import SPLITS, Context, Stream

RESULTS = Path(__file__).parents[2] / "results" / "cpu"

SIZES = {
    "cifar100": (50_000, 10_000),
    "cifar10": (8_000, 2_000),
    "mnist": (20_000, 10_000),
    "fashion_mnist": (10_000, 2_000),
    "notmnist": (8_204, 1_600),
    "miniimagenet": (6_500, 1_500),
}
"""Images of the copies in shared/data: what is counted below is counted in these."""

STREAM_OF = {
    "cifar100": "split_cifar100",
    "cifar10": "split_cifar10",
    "mnist": "split_mnist",
    "fashion_mnist": "split_fmnist",
    "miniimagenet": "split_miniimagenet",
}
FOUR = ("cifar10", "mnist", "fashion_mnist", "notmnist")
EVEN = ("cifar100", "cifar10", "fashion_mnist", "miniimagenet")


def require(*names: str) -> None:
    for name in names:
        try:
            arrays = cache.read(data_folder(None) / name)
        except cache.NotCached as error:
            pytest.skip(f"{error}: import shared/data to run this")
        if (len(arrays.train_y), len(arrays.test_y)) != SIZES[name]:
            pytest.skip(f"the cached {name} is another copy than that of shared/data")


@memoise
def load(name: str) -> Stream:
    return STREAMS[name](context=Context())


def hashes(images: Iterable[Tensor]) -> list[bytes]:
    return [hashlib.sha256(image.numpy()).digest() for image in images]


@pytest.mark.parametrize("dataset", STREAM_OF)
def test_no_image_is_in_two_splits(dataset: str) -> None:
    """CIFAR-100 has doubles of its own, which its README counts: 10 of train are in test too.

    Of the 14 within train one has a copy on either side of the validation split.
    """
    require(dataset)
    stream = load(f"{STREAM_OF[dataset]}/til")
    train, valid, test = (hashes(stream.union(name).x) for name in SPLITS)
    assert sum(map(len, (train, valid, test))) == sum(SIZES[dataset])
    doubled = dataset == "cifar100"
    assert len({*train, *valid} & {*test}) == (10 if doubled else 0)
    assert len({*train} & {*valid}) == (1 if doubled else 0)
    doubles = [len(part) - len({*part}) for part in (train + valid, test)]
    assert doubles == ([14, 2] if doubled else [0, 0])


@pytest.mark.parametrize("dataset", STREAM_OF)
def test_classes_are_balanced_and_in_one_task(dataset: str) -> None:
    require(dataset)
    stream = load(f"{STREAM_OF[dataset]}/til")
    classes = [label for task in stream.tasks for label in task.classes]
    assert sorted(classes) == list(range(100 if dataset in {"cifar100", "miniimagenet"} else 10))
    for name in SPLITS:
        counts = [getattr(task, name).y.bincount().tolist() for task in stream.tasks]
        assert [len(c) for c in counts] == stream.heads
        sizes = {n for c in counts for n in c}
        assert len(sizes) == 1 if dataset in EVEN else min(sizes) > 0


def test_the_members_of_four_datasets_share_no_image() -> None:
    """MNIST in the place of FashionMNIST, as in the authors' code, would show here."""
    require(*FOUR)
    stream = load("four_datasets/cil")
    seen: dict[bytes, str] = {}
    for member, task in zip(stream.members, stream.tasks, strict=True):
        own = set().union(*(hashes(getattr(task, name).x) for name in SPLITS))
        assert len(own) == sum(len(getattr(task, name)) for name in SPLITS)
        assert not own & seen.keys()
        seen |= dict.fromkeys(own, member)


@pytest.mark.parametrize(
    ("dataset", "mean", "std"),
    [
        ("cifar10", 0, 1),
        ("mnist", 0, 1),
        ("fashion_mnist", 0, 1),
        # Normalised with the constants of CIFAR-10, as the authors do.
        ("cifar100", 0.02, 1.08),
        # With those of the whole of ImageNet.
        ("miniimagenet", -0.02, 1.19),
    ],
)
def test_training_images_are_normalised(dataset: str, mean: float, std: float) -> None:
    require(dataset)
    stream = load(f"{STREAM_OF[dataset]}/til")
    found = moments(stream.normalisation(stream.union("train").x))
    assert found == pytest.approx((mean, std), abs=0.03)


@pytest.mark.parametrize(
    ("member", "mean", "std"),
    [
        ("cifar10", 0, 1),
        ("mnist", 0, 1),
        ("fashion_mnist", 0, 1),
        # Its constants are those of images without a border.
        ("notmnist", -0.23, 0.97),
    ],
)
def test_members_are_normalised_each_by_itself(member: str, mean: float, std: float) -> None:
    require(*FOUR)
    stream = load("four_datasets/cil")
    whole = stream.union("train")
    own = whole[(whole.source == stream.members.index(member)).nonzero()[:, 0]]
    found = moments(stream.normalisation(own.x, own.source))
    assert found == pytest.approx((mean, std), abs=0.03)


def moments(x: Tensor) -> tuple[float, float]:
    """Mean and standard deviation of every fifth image, averaged over channels."""
    std, mean = torch.std_mean(x[::5].double(), (0, 2, 3))
    return mean.mean().item(), std.mean().item()


def test_stored_runs_had_the_splits_that_are_made_now() -> None:
    require("cifar100")
    specs = {}
    for path in sorted(RESULTS.glob("*/runs/split_cifar100/til/naive/*.json")):
        record = json.loads(path.read_text())
        if record["spec"]["class_order"] == "fixed":
            specs[json.dumps(record["spec"]["stream_args"])] = record
    if not specs:
        pytest.skip("no stored run on split_cifar100")
    for record in specs.values():
        stream = STREAMS["split_cifar100/til"](**record["spec"]["stream_args"], context=Context())
        if stream.data_hash != record["stream"]["data_hash"]:
            pytest.skip("the cached cifar100 is in another order than that of the stored runs")
        assert stream.describe() == record["stream"]
