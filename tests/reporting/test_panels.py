"""Small multiples over pages."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from benchmarks.reporting.figures.looks import PAGE, PAGE_HEIGHT
from benchmarks.reporting.figures.panels import numbered, pages, task_ticks


def test_pages_have_whole_rows_and_about_as_many_each() -> None:
    labels = [f"m{number}" for number in range(25)]
    two = pages(labels, 1.6, 4)
    assert [len(page.axes) for page in two] == [16, 9]
    assert [label for page in two for label in page.axes] == labels
    for page in two:
        assert page.figure.get_figwidth() == PAGE
        assert page.figure.get_figheight() <= PAGE_HEIGHT


def test_one_panel_is_a_column_wide() -> None:
    (page,) = pages(["ness"], 1.5, 5)
    assert list(page.axes) == ["ness"]
    assert page.figure.get_figwidth() < PAGE / 2


def test_the_lowest_panel_of_each_column_is_numbered() -> None:
    (page,) = pages(["a", "b", "c"], 1.0, 2)
    shown = {
        label: axes.xaxis.get_tick_params()["labelbottom"] for label, axes in page.axes.items()
    }
    assert shown == {"a": False, "b": True, "c": True}


def test_later_pages_are_numbered() -> None:
    assert [name for name, _ in numbered("bars", [Figure(), Figure()])] == ["bars", "bars-2"]
    assert list(numbered("bars", [])) == []


@pytest.mark.parametrize(
    ("tasks", "ticks"),
    [(1, [1]), (5, [1, 2, 3, 4, 5]), (10, [2, 4, 6, 8, 10]), (20, [5, 10, 15, 20])],
)
def test_ticks_of_tasks(tasks: int, ticks: list[int]) -> None:
    assert task_ticks(tasks) == ticks


def test_long_names_take_no_height_from_their_panels() -> None:
    (short,) = pages(["ness"], 1.5, 5)
    (long,) = pages([f"ness [optimizer.lr=0.1, strategy_args.rule={'x' * 60}]"], 1.5, 5)
    lines = long.axes.popitem()[1].get_title().count("\n")
    assert lines > 0
    assert long.figure.get_figheight() > short.figure.get_figheight() + 0.1 * lines
