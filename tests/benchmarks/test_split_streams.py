"""The class-split streams of the literature, on tiny stand-ins for their data sets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_data import indices, labels, store

from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS
from benchmarks.streams.stream import SPLITS, Context, Stream

RAGGED = [20 + c % 3 for c in range(10)]
CASES = {
    "split_cifar10": ("cifar10", [20] * 10, (5, 2), (3, 32, 32)),
    "split_mnist": ("mnist", RAGGED, (5, 2), (1, 28, 28)),
    "split_fmnist": ("fashion_mnist", [20] * 10, (5, 2), (1, 28, 28)),
    "split_miniimagenet": ("miniimagenet", [30] * 100, (20, 5), (3, 84, 84)),
}
SCENARIOS = [
    (stream, scenario)
    for stream in CASES
    for scenario in ("til", "cil", "dil")
    if f"{stream}/{scenario}" in STREAMS
]
HASHES = {  # the first half of each
    "split_cifar10": "6757a0d8ab2427fc8deee7d7f2cc8cb0",
    "split_mnist": "e626072d999e3185124f449628aab87d",
    "split_fmnist": "f0f79109f2527c80b7ad3dbea599d669",
    "split_miniimagenet": "aa25bb3f84410a5a1691c19dc13c59ad",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for dataset, counts, _, _ in CASES.values():
        store(folder, dataset, counts, [3 if n == 20 else 4 for n in counts])
    return folder


def build(data: Path, name: str, **arguments: Any) -> Stream:
    return STREAMS[name](**arguments, context=Context(data_dir=data))


def test_miniimagenet_comes_as_the_literature_uses_it() -> None:
    assert len(SCENARIOS) == 11
    assert "split_miniimagenet/dil" not in STREAMS


@pytest.mark.parametrize(("stream", "scenario"), SCENARIOS)
def test_tasks_heads_and_labels(data: Path, stream: str, scenario: str) -> None:
    _, _, (tasks, size), shape = CASES[stream]
    made = build(data, f"{stream}/{scenario}")
    assert made.name == f"{stream}/{scenario}"
    assert made.input_shape == shape
    assert [task.classes for task in made.tasks] == [
        tuple(range(t * size, (t + 1) * size)) for t in range(tasks)
    ]
    heads = {"til": [size] * tasks, "cil": [size * tasks], "dil": [size]}
    assert made.heads == heads[scenario]
    for t, task in enumerate(made.tasks):
        first = t * size if scenario == "cil" else 0
        assert made.outputs(t) == slice(first, first + size)
        for name in SPLITS:
            split = getattr(task, name)
            assert labels(split) == (split.y - first + t * size).tolist()
            assert set(split.task.tolist()) == {t if scenario == "til" else 0}
            assert split.source is None


@pytest.mark.parametrize("stream", CASES)
def test_every_image_is_in_one_task_and_split(data: Path, stream: str) -> None:
    _, counts, _, _ = CASES[stream]
    made = build(data, f"{stream}/til")
    learnt = [i for t in made.tasks for part in (t.train, t.valid) for i in indices(part)]
    assert sorted(learnt) == list(range(sum(counts)))
    tested = [i for t in made.tasks for i in indices(t.test)]
    assert sorted(tested) == list(range(len(tested)))
    for task in made.tasks:
        assert set(task.train.x[:, 0, 9, 9].tolist() + task.valid.x[:, 0, 9, 9].tolist()) == {0}
        assert set(task.test.x[:, 0, 9, 9].tolist()) == {1}


@pytest.mark.parametrize("stream", CASES)
def test_the_papers_share_is_held_out_of_each_class(data: Path, stream: str) -> None:
    _, counts, _, _ = CASES[stream]
    share = 0.02 if stream == "split_miniimagenet" else 0.05
    for task in build(data, f"{stream}/til").tasks:
        held = Counter(labels(task.valid))
        assert held == {c: round(share * counts[c]) for c in task.classes}


@pytest.mark.parametrize("stream", CASES)
def test_images_per_class_make_the_classes_even(data: Path, stream: str) -> None:
    made = build(
        data, f"{stream}/cil", train_per_class=10, test_per_class=2, valid_share=0.3, split_seed=4
    )
    for task in made.tasks:
        for name, count in (("train", 7), ("valid", 3), ("test", 2)):
            found = Counter(labels(getattr(task, name)))
            assert found == dict.fromkeys(task.classes, count)


def test_more_images_than_a_class_has_are_refused_by_its_name(data: Path) -> None:
    with pytest.raises(BadInput) as error:
        build(data, "split_mnist/til", train_per_class=21)
    assert str(error.value) == (
        "stream_args.train_per_class = 21: class 0 has 20 train images; give 1 to 20, or leave it "
        "out for all that each class has"
    )


def test_a_class_without_images_is_refused(tmp_path: Path) -> None:
    store(tmp_path, "mnist", [8, 0, 8], [2, 2, 2])
    with pytest.raises(BadInput, match="class 1 has no train images, but there are classes to 2"):
        build(tmp_path, "split_mnist/til", tasks=1)


@pytest.mark.parametrize("label", [-1, 60, 2**62])
def test_damaged_labels_of_the_cache_are_refused(tmp_path: Path, label: int) -> None:
    arrays = store(tmp_path, "mnist", [6] * 10, [2] * 10)
    labels = np.load(tmp_path / "mnist" / "train_y.npy", mmap_mode="r+")
    labels[3] = label
    labels.flush()
    assert arrays.train_y[3] == label
    words = (
        f"labels go from .*{label}.* with 60 training images; .*'python -m benchmarks data verify'"
    )
    with pytest.raises(BadInput, match=words):
        build(tmp_path, "split_mnist/til")
    labels[3] = 12
    labels.flush()
    with pytest.raises(BadInput, match=r"class 10 has no train images, .* data verify' tells"):
        build(tmp_path, "split_mnist/til")


@pytest.mark.parametrize("stream", CASES)
def test_the_split_is_the_same_on_every_machine(data: Path, stream: str) -> None:
    assert build(data, f"{stream}/til").split_hash[:32] == HASHES[stream]


def test_cifar100_comes_in_twenty_tasks_too(tmp_path: Path) -> None:
    store(tmp_path, "cifar100", [20] * 100, [2] * 100)
    made = build(tmp_path, "split_cifar100/til", tasks=20, classes_per_task=5)
    assert made.heads == [5] * 20
    assert [label for task in made.tasks for label in task.classes] == list(range(100))


def test_what_a_record_says_stays_small(data: Path) -> None:
    described = build(data, "split_miniimagenet/til").describe()
    assert len(str(described)) < 1024
    assert "class_names" not in described
    assert build(data, "split_cifar10/til").describe()["class_names"][:2] == [
        "airplane",
        "automobile",
    ]
