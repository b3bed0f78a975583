"""Several data sets in a row: order, padding, normalisation, and no stream without a member."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_data import indices, labels, store

from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS
from benchmarks.streams.stream import SPLITS, Context, Stream

FIVE = ("cifar10", "mnist", "svhn", "fashion_mnist", "notmnist")
FOUR = tuple(name for name in FIVE if name != "svhn")
GREY = ("mnist", "fashion_mnist", "notmnist")
BORDER = {name: 2 if name in GREY else 0 for name in FIVE}

CONSTANTS = {
    "cifar10": ((125.3 / 255, 123.0 / 255, 113.9 / 255), (63.0 / 255, 62.1 / 255, 66.7 / 255)),
    "mnist": ((0.1,) * 3, (0.2752,) * 3),
    "svhn": ((0.4377, 0.4438, 0.4728), (0.198, 0.201, 0.197)),
    "fashion_mnist": ((0.2190,) * 3, (0.3318,) * 3),
    "notmnist": ((0.4254,) * 3, (0.4501,) * 3),
}
"""protocol.md section 2, "Data"."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in FIVE:
        counts = [20 + c % 3 for c in range(10)] if name in GREY else [20] * 10
        store(folder, name, counts, [3] * 10)
    return folder


@pytest.fixture
def without(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A data folder without some of the members, and no network to get them from."""
    monkeypatch.setenv("NESS_OFFLINE", "1")

    def make(*names: str) -> Path:
        shutil.copytree(whole, tmp_path / "data", ignore=shutil.ignore_patterns(*names))
        return tmp_path / "data"

    return make


def build(data: Path, name: str, **arguments: Any) -> Stream:
    return STREAMS[name](**arguments, context=Context(data_dir=data))


@pytest.mark.parametrize("scenario", ["til", "cil"])
@pytest.mark.parametrize(("stream", "members"), [("five_datasets", FIVE), ("four_datasets", FOUR)])
def test_a_data_set_a_task_in_the_papers_order(
    whole: Path, stream: str, members: tuple[str, ...], scenario: str
) -> None:
    made = build(whole, f"{stream}/{scenario}")
    n = len(members)
    assert made.members == members
    assert made.describe()["members"] == list(members)
    assert len(str(made.describe())) < 1024
    assert made.heads == ([10] * n if scenario == "til" else [10 * n])
    assert made.input_shape == (3, 32, 32)
    for m, (member, task) in enumerate(zip(members, made.tasks, strict=True)):
        assert task.classes == tuple(range(10 * m, 10 * m + 10))
        first = 10 * m if scenario == "cil" else 0
        assert made.outputs(m) == slice(first, first + 10)
        for name in SPLITS:
            split = getattr(task, name)
            assert split.x.dtype == torch.uint8
            assert split.x.is_contiguous()
            edge = 6 + BORDER[member]
            assert {chr(v) for v in split.x[:, 0, edge, edge].tolist()} == {member[0]}
            assert labels(split, BORDER[member]) == (split.y - first).tolist()
            assert set(split.task.tolist()) == {m if scenario == "til" else 0}
            assert set(split.source.tolist()) == {m}
        held = set(indices(task.valid, BORDER[member]))
        assert len(held) == len(task.valid)
        assert not held & set(indices(task.train, BORDER[member]))


def test_grey_images_get_a_black_border_and_three_equal_channels(whole: Path) -> None:
    made = build(whole, "five_datasets/til")
    for member, task in zip(FIVE, made.tasks, strict=True):
        if member not in GREY:
            continue
        x = task.train.x
        assert torch.equal(x[:, 0], x[:, 1])
        assert torch.equal(x[:, 0], x[:, 2])
        inner = torch.zeros(32, 32, dtype=torch.bool)
        inner[2:-2, 2:-2] = True
        assert x[:, :, ~inner].max() == 0
        assert x[:, :, inner].max() > 0


def test_images_that_have_the_size_are_left_as_they_are() -> None:
    from benchmarks.streams.five_datasets import in_colour

    grey = torch.arange(32 * 32 * 2, dtype=torch.int64).to(torch.uint8).view(2, 32, 32, 1)
    assert torch.equal(in_colour(grey.numpy()), grey.permute(0, 3, 1, 2).expand(-1, 3, -1, -1))


def test_each_member_is_normalised_with_its_own_constants(whole: Path) -> None:
    made = build(whole, "five_datasets/cil")
    for member, task in zip(FIVE, made.tasks, strict=True):
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in CONSTANTS[member])
        expected = (task.test.x / 255 - mean) / std
        found = made.normalisation(task.test.x, task.test.source)
        torch.testing.assert_close(found, expected)


def test_without_svhn_five_is_refused_and_four_is_named(without: Any) -> None:
    data = without("svhn")
    for scenario in ("til", "cil"):
        with pytest.raises(BadInput, match=r"SVHN is not in .*'four_datasets' is this one without"):
            build(data, f"five_datasets/{scenario}")
    assert build(data, "four_datasets/cil").name == "four_datasets/cil"


def test_without_another_member_neither_runs(without: Any) -> None:
    data = without("notmnist")
    for stream in ("five_datasets", "four_datasets"):
        with pytest.raises(BadInput, match="notMNIST is not in") as error:
            build(data, f"{stream}/til")
        assert "four_datasets" not in str(error.value)


def test_every_missing_member_is_named(without: Any) -> None:
    with pytest.raises(BadInput) as error:
        build(without("mnist", "svhn", "notmnist"), "five_datasets/til")
    message = str(error.value)
    for title in ("MNIST is not in", "SVHN is not in", "notMNIST is not in"):
        assert title in message
    assert "CIFAR-10 is not in" not in message
    assert message.endswith("; the stream 'four_datasets' is this one without SVHN")


def test_the_hashes_are_those_of_the_members(whole: Path) -> None:
    five, four = build(whole, "five_datasets/til"), build(whole, "four_datasets/til")
    assert five.data_hash != four.data_hash
    assert five.split_hash[:32] == "a5ff26bb17e3d159aa279a70140eac92"
    assert four.split_hash[:32] == "5caec106409ea32244aaeabebbf9d9a8"
    assert build(whole, "five_datasets/til", split_seed=1).split_hash != five.split_hash
    assert build(whole, "five_datasets/til", split_seed=1).data_hash == five.data_hash


def test_images_per_class_of_every_member(whole: Path) -> None:
    made = build(whole, "five_datasets/til", train_per_class=10, test_per_class=2, valid_share=0.2)
    for task in made.tasks:
        for name, count in (("train", 8), ("valid", 2), ("test", 2)):
            assert getattr(task, name).y.bincount().tolist() == [count] * 10
