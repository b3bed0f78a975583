"""The order in which classes are dealt to tasks: the data set's, a seed's, or a list."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_data import labels, store

from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS
from benchmarks.streams.stream import Context, Stream


def digits(scenario: str, **context: object) -> Stream:
    return STREAMS[f"split_digits/{scenario}"](context=Context(**context))


def test_seed_37_deals_the_first_task_of_the_authors() -> None:
    """TRGP/main_mini_dataset.py:350 writes its classes out (protocol.md section 2)."""
    order = Context(class_order_seed=37).class_order(100)
    assert order[:5] == [61, 49, 86, 78, 5]
    assert sorted(order) == list(range(100))


def test_a_listed_order_is_dealt_as_it_stands() -> None:
    order = (9, 3, 5, 0, 1, 2, 8, 7, 4, 6)
    stream = digits("cil", class_order_list=order)
    assert [label for task in stream.tasks for label in task.classes] == list(order)
    assert Context(class_order_list=(4, 2)).class_order(10) == [4, 2]


def test_a_listed_order_may_leave_classes_out(tmp_path: Path) -> None:
    store(tmp_path, "mnist", [4] * 10, [2] * 10)
    context = Context(data_dir=tmp_path, class_order_list=(7, 1, 3, 2))
    stream = STREAMS["split_mnist/cil"](tasks=2, valid_share=0.3, context=context)
    assert [task.classes for task in stream.tasks] == [(7, 1), (3, 2)]
    for t, task in enumerate(stream.tasks):
        assert labels(task.train) == [task.classes[int(y) - 2 * t] for y in task.train.y]
    with pytest.raises(BadInput, match=r"tasks = 3 with classes_per_task = 2 needs 6 .* are 4"):
        STREAMS["split_mnist/cil"](tasks=3, valid_share=0.3, context=context)


@pytest.mark.parametrize(
    ("order", "fault"),
    [((0, 1, 1), "class 1 comes twice"), ((0, 10), "no class 10"), ((-1, 2), "no class -1")],
)
def test_a_list_that_is_no_order_is_refused(order: tuple[int, ...], fault: str) -> None:
    with pytest.raises(BadInput, match=rf"^class_order = \[.*{fault}; list classes from 0 to 9"):
        digits("til", class_order_list=order)


def test_a_seed_that_numpy_cannot_take_is_refused() -> None:
    with pytest.raises(BadInput, match=r"seed = 4294967296 .* below 2\*\*32"):
        digits("til", class_order_seed=2**32)


@pytest.mark.parametrize("name", ["five_datasets/cil", "permuted_mnist/til", "rotated_mnist/dil"])
@pytest.mark.parametrize("order", [{"class_order_seed": 1}, {"class_order_list": (1, 0)}])
def test_streams_without_a_class_order_refuse_one(name: str, order: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=f"has no meaning for {name}: .*set class_order = 'fixed'"):
        STREAMS[name](context=Context(**order))


def test_an_order_without_classes_is_refused() -> None:
    with pytest.raises(BadInput, match=r"class_order = \[\]: lists no class; list some"):
        digits("til", class_order_list=())
