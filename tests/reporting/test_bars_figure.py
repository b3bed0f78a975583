"""The bars of each task."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import looks
from matplotlib.figure import Figure
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted, square

from benchmarks.reporting.figures.bars_figure import bars_figures


def test_a_bar_from_just_learned_to_after_the_last_task(make: MakeRecord) -> None:
    runs = {"ness": [make(seed=seed, matrix=shifted(HAND, 2.0 * seed)) for seed in (0, 1)]}
    (figure,) = bars_figures(runs, looks(runs))
    (axes,) = figure.axes
    # HAND learns 90, 92, 94 and ends at 60, 80, 94; the second seed is 2 above.
    assert [(bar.get_y(), bar.get_height()) for bar in axes.patches] == [
        (91, -30),
        (93, -12),
        (95, 0),
    ]
    (dots,) = (line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_ydata(), [61, 81, 95])
    (whiskers,) = (c for c in axes.collections if len(c.get_segments()[0]) == 2 and _upright(c))
    low, high = whiskers.get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * np.sqrt(2))


def _legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_deviation_is_within_the_axes(make: MakeRecord) -> None:
    runs = {"ness": [make(seed=seed, matrix=shifted(HAND, 5.0 * seed)) for seed in (0, 1)]}
    (figure,) = bars_figures(runs, looks(runs))
    # Task 1 ends at 62.5, with a deviation of 5 / sqrt(2).
    assert figure.axes[0].get_ylim()[0] < 62.5 - 5 / 2**0.5
    assert "below the axis, at the values given" not in _legend(figure)


def _upright(lines) -> bool:
    return all(segment[0][0] == segment[1][0] for segment in lines.get_segments())


def test_joint_learned_nothing_apart(make: MakeRecord) -> None:
    runs = {"joint": [make("joint", matrix=JOINT)], "ness": [make()]}
    (figure,) = bars_figures(runs, looks(runs))
    joint = figure.axes[0]
    assert np.isnan([bar.get_height() for bar in joint.patches]).tolist() == [True, True, False]
    assert "std over seeds" not in {text.get_text() for text in figure.legends[0].get_texts()}


def test_a_task_far_below_is_an_arrow_at_the_edge(make: MakeRecord) -> None:
    runs = {f"m{n}": [make(f"m{n}", matrix=square(90 + n / 10, tasks=3))] for n in range(9)}
    runs["far"] = [make("far", matrix=[[99.0, None, None], [50.0, 91.0, None], [3.0, 91.0, 92.0]])]
    (figure,) = bars_figures(runs, looks(runs))
    arrows = {
        axes.get_title(): line.get_xdata().tolist()
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() == "v"
    }
    assert arrows.pop("far") == [1]
    assert not any(arrows.values())
    said = {axes.get_title(): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert said.pop("far") == ["3.0"]
    assert not any(said.values())
    assert "below the axis, at the values given" in _legend(figure)
    runs["far"] = [make("far", matrix=[[99.0, None, None], [50.0, 91.0, None], [3.0, 7.5, 92.0]])]
    (figure,) = bars_figures(runs, looks(runs))
    assert [text.get_text() for text in figure.axes[-1].texts] == ["3.0\N{EN DASH}7.5"]


def test_nothing_measured_after_the_last_task_draws_nothing(make: MakeRecord) -> None:
    runs = {"ness": [make(matrix=CUT_OFF)]}
    assert bars_figures(runs, looks(runs)) == []
