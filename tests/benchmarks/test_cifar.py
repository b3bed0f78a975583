"""Split CIFAR-100: which image lands where. Every image here carries its own index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_data import indices, labels, store

from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS, cifar
from benchmarks.streams.stream import Context, Stream
from benchmarks.sweep_spec import expand, load_sweep

N_TRAIN, N_TEST = 20, 4
SPECS = Path(cifar.__file__).parents[1] / "specs" / "cpu"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A cache of 100 classes in shuffled order."""
    store(tmp_path, "cifar100", [N_TRAIN] * 100, [N_TEST] * 100)
    return Context(data_dir=tmp_path)


def build(context: Context, **arguments: Any) -> Stream:
    return STREAMS["split_cifar100/til"](**arguments, context=context)


def test_all_classes_in_order(context: Context) -> None:
    stream = build(context, valid_share=0.1)
    assert stream.name == "split_cifar100/til"
    assert stream.heads == [10] * 10
    assert stream.input_shape == (3, 32, 32)
    assert [task.classes for task in stream.tasks] == [
        tuple(range(t * 10, t * 10 + 10)) for t in range(10)
    ]
    for t, task in enumerate(stream.tasks):
        assert [len(part) for part in (task.train, task.valid, task.test)] == [180, 20, 40]
        for split in (task.train, task.valid, task.test):
            assert split.x.dtype == torch.uint8
            assert split.x.is_contiguous()
            assert set(split.task.tolist()) == {t}
            assert labels(split) == (split.y + 10 * t).tolist()
        assert not set(indices(task.train)) & set(indices(task.valid))


def test_images_of_each_class_are_a_random_draw_of_the_split_seed(context: Context) -> None:
    def drawn(split_seed: int) -> list[tuple[list[int], list[int]]]:
        stream = build(
            context, train_per_class=10, test_per_class=3, valid_share=0.2, split_seed=split_seed
        )
        return [
            (sorted(indices(task.train) + indices(task.valid)), sorted(indices(task.test)))
            for task in stream.tasks
        ]

    classes_of = {
        split: np.load(context.data_dir / "cifar100" / f"{split}_y.npy")  # type: ignore[operator]
        for split in ("train", "test")
    }
    first = drawn(0)
    assert first == drawn(0)
    assert first != drawn(1)
    for t, (train, test) in enumerate(first):
        classes = range(10 * t, 10 * t + 10)
        assert [int((classes_of["train"][train] == c).sum()) for c in classes] == [10] * 10
        assert [int((classes_of["test"][test] == c).sum()) for c in classes] == [3] * 10
    stored = [np.flatnonzero(classes_of["train"] == c)[:10] for c in range(10)]
    assert first[0][0] != sorted(np.concatenate(stored).tolist())


def test_fewer_tasks_are_a_prefix(context: Context) -> None:
    whole, part = build(context, valid_share=0.1), build(context, tasks=3, valid_share=0.1)
    assert len(part.tasks) == 3
    for a, b in zip(whole.tasks, part.tasks, strict=False):
        for split in ("train", "valid", "test"):
            assert torch.equal(getattr(a, split).x, getattr(b, split).x)
    assert whole.split_hash != part.split_hash
    assert whole.data_hash == part.data_hash


def test_split_seed_moves_validation_alone(context: Context) -> None:
    one, two = build(context, valid_share=0.1), build(context, valid_share=0.1, split_seed=1)
    assert one.split_hash == build(context, valid_share=0.1).split_hash
    assert one.split_hash != two.split_hash
    a, b = one.tasks[0], two.tasks[0]
    assert torch.equal(a.test.x, b.test.x)
    assert sorted(indices(a.train) + indices(a.valid)) == sorted(
        indices(b.train) + indices(b.valid)
    )


def test_class_order_of_the_context(context: Context) -> None:
    shuffled = Context(data_dir=context.data_dir, class_order_seed=3)
    stream = build(shuffled, tasks=2, classes_per_task=5, valid_share=0.1)
    order = shuffled.class_order(100)
    assert [task.classes for task in stream.tasks] == [tuple(order[:5]), tuple(order[5:10])]
    for task in stream.tasks:
        assert labels(task.test) == [task.classes[int(y)] for y in task.test.y]


def test_normalisation_of_the_papers(context: Context) -> None:
    pixels = torch.tensor([125.3, 123.0, 113.9]).round().to(torch.uint8).view(1, 3, 1, 1)
    normalised = build(context, valid_share=0.1).normalisation(pixels).flatten()
    expected = [(125 - 125.3) / 63.0, (123 - 123.0) / 62.1, (114 - 113.9) / 66.7]
    torch.testing.assert_close(normalised, torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tasks": 11}, ("tasks = 11", "110 classes", "lower one")),
        ({"tasks": 0}, ("tasks = 0", "1 to 100")),
        ({"classes_per_task": 101}, ("classes_per_task = 101", "1 to 100")),
        ({"train_per_class": 21}, ("train_per_class = 21", "class 0 has 20", "leave it out")),
        ({"test_per_class": 5}, ("test_per_class = 5", "class 0 has 4", "1 to 4")),
        ({"test_per_class": 0}, ("test_per_class = 0", "at least 1")),
        ({"valid_share": 0.01}, ("valid_share = 0.01", "of the 20 images", "class 0")),
        ({"valid_share": 1.0}, ("valid_share = 1.0", "between 0.05 and 0.95")),
    ],
)
def test_values_that_do_not_fit(
    context: Context, arguments: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput) as error:
        build(context, **arguments)
    message = str(error.value)
    assert message.startswith("stream_args.")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("name", "tasks", "epochs", "strategies"),
    [
        ("split_cifar100", 10, 5, 7),
        ("split_cifar100_20", 20, 5, 7),
        ("split_cifar100_small", 5, 5, 15),
    ],
)
def test_presets(name: str, tasks: int, epochs: int, strategies: int) -> None:
    runs = expand(load_sweep(SPECS / f"{name}.toml"))
    assert len({run.strategy for run in runs}) == strategies
    assert len({run.id for run in runs}) == 2 * strategies
    for run in runs:
        assert run.backbone == "alexnet"
        assert run.stream_args["tasks"] == tasks
        assert run.protocol.epochs == epochs
        assert (run.protocol.batch_size, run.protocol.eval_batch_size) == (64, 64)
    ness = next(run for run in runs if run.strategy == "ness")
    assert ness.strategy_args["eps"] == 1e-3
