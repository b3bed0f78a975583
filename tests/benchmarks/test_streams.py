"""The splits, their hashes, and the Avalanche benchmark that is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small_runs import run_spec

from benchmarks.build import load_stream
from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS
from benchmarks.streams.parts import hold_out
from benchmarks.streams.split import Split
from benchmarks.streams.stream import SPLITS, Context, Stream


def digits(class_order_seed: int | None = None, **arguments: Any) -> Stream:
    context = Context(class_order_seed=class_order_seed)
    return STREAMS["split_digits/til"](**arguments, context=context)


def rows(split: Split) -> list[bytes]:
    return [image.numpy().tobytes() for image in split.x]


def test_the_digits_are_split_as_the_issue_says() -> None:
    stream = digits()
    assert stream.name == "split_digits/til"
    assert stream.scenario == "til"
    assert stream.heads == [2] * 5
    assert stream.input_shape == (1, 8, 8)
    assert [task.classes for task in stream.tasks] == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    sizes = {name: sum(len(getattr(task, name)) for task in stream.tasks) for name in SPLITS}
    assert sum(sizes.values()) == 1797
    assert sizes["test"] == pytest.approx(0.25 * 1797, abs=5)
    assert sizes["valid"] == pytest.approx(0.15 * (1797 - sizes["test"]), abs=5)
    for number, task in enumerate(stream.tasks):
        for name in SPLITS:
            split = getattr(task, name)
            assert split.x.dtype == torch.uint8
            assert split.y.unique().tolist() == [0, 1]
            assert split.task.unique().tolist() == [number]


def test_no_image_is_in_two_splits_or_tasks() -> None:
    """By position: scikit-learn's digits hold no two images alike, so content will do."""
    stream = digits()
    images = [row for task in stream.tasks for name in SPLITS for row in rows(getattr(task, name))]
    assert len(images) == len(set(images)) == 1797


def test_labels_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    raw = load_digits()
    label_of = {
        image.astype(np.uint8).tobytes(): int(label)
        for image, label in zip(raw.images, raw.target, strict=True)
    }
    for task in digits(class_order_seed=3).tasks:
        for name in SPLITS:
            split = getattr(task, name)
            found = [label_of[row] for row in rows(split)]
            assert found == [task.classes[label] for label in split.y.tolist()]


def test_the_hashes_are_the_same_on_every_machine() -> None:
    stream = digits()
    assert stream.data_hash == "65e5b4619795efb40c1082f4c350c049e4ad552200d369b6ae99e21eef5e72c5"
    assert stream.split_hash == "5bd2d3c6669743c1bc44a48929f1bc0800e7e8405035300984c32e0011ab2054"


@pytest.mark.parametrize(
    "arguments", [{"split_seed": 1}, {"test_share": 0.3}, {"valid_share": 0.2}, {"tasks": 4}]
)
def test_another_split_has_another_hash(arguments: dict[str, Any]) -> None:
    assert digits(**arguments).split_hash != digits().split_hash
    assert digits(**arguments).data_hash == digits().data_hash


def test_the_class_order_is_fixed_or_the_seeds_own() -> None:
    def order(seed: int, class_order: str) -> list[int]:
        spec = run_spec("naive", f"class_order={class_order}", "stream_args.tasks=5", seed=seed)
        return [label for task in load_stream(spec, None).tasks for label in task.classes]

    assert order(1, "fixed") == order(2, "fixed") == list(range(10))
    orders = [order(seed, "per_seed") for seed in (1, 2, 3)]
    assert order(1, "per_seed") == orders[0]
    assert len({tuple(o) for o in orders}) == 3
    assert all(sorted(o) == list(range(10)) for o in orders)


def test_the_class_order_does_not_change_what_is_held_out() -> None:
    test = {frozenset(rows(digits(seed).union("test"))) for seed in (None, 1, 2)}
    assert len(test) == 1


def test_making_a_stream_leaves_no_trace_on_the_initial_weights() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    digits(class_order_seed=1, split_seed=2)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("arguments", [{"test_share": 0.001}, {"valid_share": 1e-5}])
def test_a_share_that_leaves_nothing_is_refused(arguments: dict[str, Any]) -> None:
    [(key, value)] = arguments.items()
    with pytest.raises(BadInput, match=rf"^stream_args.{key} = {value} .* class 0 .* give a share"):
        digits(**arguments)


def test_hold_out_is_stratified_sorted_and_complete() -> None:
    y = np.roll(np.array([0] * 10 + [1] * 30), 7)
    kept, held = hold_out(y, 0.2, np.random.default_rng(0), "valid_share")
    assert sorted([*kept, *held]) == list(range(40))
    assert held.tolist() == sorted(held)
    assert np.bincount(y[held]).tolist() == [2, 6]


def test_avalanche_sees_task_labels_and_all_splits() -> None:
    benchmark = digits(tasks=3).benchmark()
    for name in SPLITS:
        stream = getattr(benchmark, f"{name}_stream")
        assert [experience.task_labels for experience in stream] == [[0], [1], [2]]
        assert [experience.origin_stream.name for experience in stream] == [name] * 3
        for task, experience in zip(digits(tasks=3).tasks, stream, strict=True):
            split = getattr(task, name)
            assert len(experience.dataset) == len(split)
            x, y, label = experience.dataset[0][:3]
            assert x.shape == (1, 8, 8)
            assert torch.equal(x, split.x[0].float() / 16)
            assert (int(y), int(label)) == (int(split.y[0]), int(split.task[0]))


def test_the_joint_benchmark_trains_on_everything_and_tests_task_by_task() -> None:
    stream = digits(tasks=3)
    benchmark = stream.benchmark("all")
    assert len(benchmark.train_stream) == len(benchmark.valid_stream) == 1
    assert len(benchmark.test_stream) == 3
    [train] = benchmark.train_stream
    assert sorted(train.task_labels) == [0, 1, 2]
    assert len(train.dataset) == sum(len(task.train) for task in stream.tasks)


def test_the_cumulative_benchmark_grows_task_by_task() -> None:
    stream = digits(tasks=3)
    benchmark = stream.benchmark("seen")
    for name in ("train", "valid"):
        experiences = getattr(benchmark, f"{name}_stream")
        sizes = [len(getattr(task, name)) for task in stream.tasks]
        assert [sorted(e.task_labels) for e in experiences] == [[0], [0, 1], [0, 1, 2]]
        assert [len(e.dataset) for e in experiences] == [sum(sizes[: t + 1]) for t in range(3)]
        # One copy of the images serves all steps.
        assert {stream.data(name, t, "seen").x.data_ptr() for t in range(3)} == {
            stream.union(name).x.data_ptr()
        }
    assert [e.task_labels for e in benchmark.test_stream] == [[0], [1], [2]]


def test_what_the_record_says_of_the_stream() -> None:
    stream = digits(tasks=2)
    described = stream.describe()
    assert described["classes"] == [[0, 1], [2, 3]]
    assert described["split_hash"] == stream.split_hash
    assert described["samples"] == [[len(getattr(t, s)) for s in SPLITS] for t in stream.tasks]
