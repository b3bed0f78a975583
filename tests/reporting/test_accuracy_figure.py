"""The curves of average accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import crowd, looks
from reporting_records import HAND, JOINT, MakeRecord, shifted, square

from benchmarks.reporting.figures.accuracy_figure import accuracy_figures
from benchmarks.reporting.figures.looks import TOGETHER, line_styles


def test_means_bands_and_joint_as_a_level(make: MakeRecord) -> None:
    runs = {
        "joint": [make("joint", matrix=JOINT)],
        "naive": [make("naive", matrix=shifted(HAND, -5))],
        "ness": [make("ness", seed, shifted(HAND, 2.0 * seed)) for seed in (0, 1)],
    }
    (figure,) = accuracy_figures(runs, looks(runs))
    (axes,) = figure.axes
    joint, naive, ness = axes.lines
    assert set(joint.get_ydata()) == {97}
    np.testing.assert_allclose(naive.get_ydata(), [85, 88.5, 73])
    np.testing.assert_allclose(ness.get_ydata(), [91, 94.5, 79])
    assert len(axes.collections) == 1, "one seed has no band"
    assert axes.get_ylim()[1] <= 101
    assert axes.get_ylabel() == "Test accuracy\non seen tasks (%)"


def test_many_methods_have_a_panel_each_with_the_others_behind(make: MakeRecord) -> None:
    runs = crowd(make, TOGETHER + 1, 4, seeds=1)
    runs["joint"] = [make("joint", matrix=_last_row(4))]
    (figure,) = accuracy_figures(runs, looks(runs))
    assert [axes.get_title() for axes in figure.axes] == list(runs)
    for axes in figure.axes:
        (behind,) = axes.collections
        assert len(behind.get_paths()) == len(runs)
        assert len(axes.lines) == 1
    level = figure.axes[-1].lines[0]
    assert set(level.get_ydata()) == {90}


def test_a_method_far_below_says_where_it_ends(make: MakeRecord) -> None:
    runs = {f"m{n}": [make(f"m{n}", matrix=square(90 + n / 10, tasks=3))] for n in range(9)}
    runs["far"] = [make("far", matrix=square(20, bwt=-70, tasks=3))]
    (figure,) = accuracy_figures(runs, looks(runs))
    said = {axes.get_title(): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert said.pop("far") == ["\N{DOWNWARDS ARROW}20.0"]
    assert not any(said.values())
    assert figure.axes[0].get_ylim()[0] > 60


def _last_row(tasks: int) -> list[list[float | None]]:
    return [*([None] * tasks for _ in range(tasks - 1)), [90.0] * tasks]


def test_variants_in_one_colour_share_no_panel(make: MakeRecord) -> None:
    runs = {f"ness [eps={n}]": [make()] for n in range(5)}
    (figure,) = accuracy_figures(runs, line_styles(dict.fromkeys(runs, "ness")))
    assert len(figure.axes) == 5


def test_bands_are_one_sample_deviation_within_the_axes_and_explained(make: MakeRecord) -> None:
    few = {"ness": [make("ness", seed, shifted(HAND, 2.0 * seed)) for seed in (0, 1)]}
    many = few | {f"m{n}": [make(f"m{n}", matrix=HAND)] for n in range(9)}
    for runs in (few, many):
        (figure,) = accuracy_figures(runs, looks(runs))
        axes = figure.axes[0]
        band = axes.collections[-1].get_paths()[0].vertices
        # HAND has A = 90, 93.5, 78, the second seed 2 more: a deviation of sqrt(2).
        at_end = band[band[:, 0] == 3, 1]
        assert (at_end.min(), at_end.max()) == pytest.approx((79 - 2**0.5, 79 + 2**0.5))
        low, high = axes.get_ylim()
        assert low < band[:, 1].min()
        assert band[:, 1].max() < high
        assert "std over seeds" in {text.get_text() for text in figure.legends[0].get_texts()}


def test_one_seed_has_no_band_to_explain(make: MakeRecord) -> None:
    (figure,) = accuracy_figures(runs := {"ness": [make()]}, looks(runs))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ness"]


def test_of_too_many_methods_none_is_behind_the_others(make: MakeRecord) -> None:
    runs = {f"m{n}": [make(f"m{n}", matrix=HAND)] for n in range(31)}
    figures = accuracy_figures(runs, looks(runs))
    behind = [c for f in figures for axes in f.axes for c in axes.collections]
    assert not any(len(lines.get_paths()) for lines in behind)
    assert not any(figure.legends for figure in figures)


def test_more_than_a_few_methods_in_a_panel_have_bars_side_by_side(make: MakeRecord) -> None:
    runs = {
        f"m{n}": [make(f"m{n}", seed, shifted(HAND, 2.0 * seed)) for seed in (0, 1)]
        for n in range(5)
    }
    (figure,) = accuracy_figures(runs, looks(runs))
    (axes,) = figure.axes
    bars = [lines.get_segments()[-1] for lines in axes.collections]
    for line, bar in zip(axes.lines, bars, strict=True):
        np.testing.assert_allclose(bar[:, 1], [79 - 2**0.5, 79 + 2**0.5])
        assert (bar[:, 0] == line.get_xdata()[-1]).all()
    assert len({bar[0, 0] for bar in bars}) == 5
    assert axes.get_xlim()[1] > max(bar[0, 0] for bar in bars) + 0.05
