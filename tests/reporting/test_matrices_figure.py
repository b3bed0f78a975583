"""The heat maps."""

from __future__ import annotations

import pytest
from drawing import crowd
from reporting_records import HAND, MakeRecord, shifted

from benchmarks.record_parts import Matrix
from benchmarks.reporting.figures.matrices_figure import matrices_figures


def test_cells_say_what_was_measured(make: MakeRecord) -> None:
    runs = {"ness": [make(seed=seed, matrix=shifted(HAND, 2.0 * seed)) for seed in (0, 1)]}
    (figure,) = matrices_figures(runs)
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said == ["91.0", "96.0", "93.0", "61.0", "81.0", "95.0"]


def test_more_than_ten_tasks_have_no_numbers(make: MakeRecord) -> None:
    matrix = [[50.0 if j <= i else None for j in range(11)] for i in range(11)]
    (figure,) = matrices_figures({"ness": [make(matrix=matrix)]})
    assert not figure.axes[0].texts


def test_more_methods_than_a_page_holds_go_on_on_another_in_the_same_colours(
    make: MakeRecord,
) -> None:
    runs = crowd(make, 25, 2, seeds=1)
    two = matrices_figures(runs)
    titles = [axes.get_title() for figure in two for axes in figure.axes if axes.get_title()]
    assert len(two) == 2
    assert titles == list(runs)
    scales = {image.get_clim() for figure in two for axes in figure.axes for image in axes.images}
    assert len(scales) == 1


@pytest.mark.parametrize(
    ("tasks", "said"), [(3, ["100", "99.9", "99.9"]), (6, ["100", "99", "99"])]
)
def test_100_is_for_a_task_without_an_error(make: MakeRecord, tasks: int, said: list[str]) -> None:
    matrix: Matrix = [[None] * tasks for _ in range(tasks)]
    matrix[-1][:3] = [100.0, 99.96, 99.9]
    (figure,) = matrices_figures({"ness": [make(matrix=matrix)]})
    assert [text.get_text() for text in figure.axes[0].texts] == said
