"""The curves over a setting."""

from __future__ import annotations

import numpy as np
from reporting_records import CUT_OFF, HAND, MakeRecord, shifted

from benchmarks.records import RunRecord
from benchmarks.reporting.figures.ablation_figure import ablation_figures
from benchmarks.reporting.figures.ablations import Ablation

KEY = "strategy_args.eps"


def curve(make: MakeRecord, *values: float) -> dict[float, list[RunRecord]]:
    """ACC 78 and 79 of two seeds at the first value, 1 point more at each further one."""
    return {
        value: [make(seed=seed, matrix=shifted(HAND, number + seed)) for seed in (0, 1)]
        for number, value in enumerate(values)
    }


def test_acc_and_bwt_with_bands_and_levels(make: MakeRecord) -> None:
    ablation = Ablation(KEY, {"ness": curve(make, 1e-4, 1e-3, 1e-2)}, {"naive": [make("naive")]})
    (figure,) = ablation_figures(ablation)
    acc, bwt = figure.axes
    line, level = acc.lines
    np.testing.assert_allclose(line.get_xydata(), [(1e-4, 78.5), (1e-3, 79.5), (1e-2, 80.5)])
    assert set(level.get_ydata()) == {78}
    assert acc.get_xscale() == "log"
    assert len(acc.collections) == 1
    assert len(bwt.collections) == 0, "all seeds have one BWT"
    np.testing.assert_allclose(bwt.lines[0].get_ydata(), [-21] * 3)
    assert acc.get_ylabel() == "Average accuracy, ACC (%)"
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["ness", "naive", "std over seeds"]


def test_near_values_are_on_a_linear_axis(make: MakeRecord) -> None:
    (figure,) = ablation_figures(Ablation(KEY, {"ness": curve(make, 1, 2, 3)}))
    assert figure.axes[0].get_xscale() == "linear"


def test_zero_has_its_place_left_of_the_others(make: MakeRecord) -> None:
    (figure,) = ablation_figures(Ablation(KEY, {"ness": curve(make, 0, 0.001, 1)}))
    axes = figure.axes[0]
    places = axes.lines[0].get_xdata()
    assert axes.get_xlim()[0] < places[0] < 0.001
    figure.draw_without_rendering()
    assert axes.get_xticklabels()[0].get_text() == "0"


def test_negative_values_stand_side_by_side(make: MakeRecord) -> None:
    (figure,) = ablation_figures(Ablation(KEY, {"ness": curve(make, -1, 10, 1000)}))
    axes = figure.axes[0]
    assert axes.lines[0].get_xdata().tolist() == [0, 1, 2]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["-1", "10", "1000"]


def test_with_one_task_there_is_acc_alone_and_without_acc_nothing(make: MakeRecord) -> None:
    one_task = {value: [make(matrix=[[50.0 + value]])] for value in (1.0, 2.0)}
    (figure,) = ablation_figures(Ablation(KEY, {"ness": one_task}))
    assert len(figure.axes) == 1
    cut_off = {value: [make(matrix=CUT_OFF)] for value in (1.0, 2.0)}
    assert ablation_figures(Ablation(KEY, {"ness": cut_off})) == []


def test_more_curves_than_can_be_told_apart_go_on_on_another_page(make: MakeRecord) -> None:
    curves = {f"m{number}": curve(make, 1, 2) for number in range(8)}
    references = {"naive": [make("naive")]}
    pages = ablation_figures(Ablation(KEY, curves, references))
    said = [[text.get_text() for text in page.legends[0].get_texts()] for page in pages]
    assert [names[:-2] for names in said] == [["m0", "m1", "m2", "m3"], ["m4", "m5", "m6", "m7"]]
    assert [names[-2] for names in said] == ["naive", "naive"]


def test_the_images_and_the_levels_left_out_are_said(make: MakeRecord) -> None:
    curves = {"ness": {x: [make(spec={"evaluate_on": "valid"})] for x in (1.0, 2.0)}}
    (figure,) = ablation_figures(Ablation(KEY, curves, undrawn=3))
    assert figure.axes[0].get_ylabel() == "Average accuracy, ACC (%)\non validation images"
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["ness", "levels not drawn: 3"]


def test_a_band_is_within_the_axes(make: MakeRecord) -> None:
    (figure,) = ablation_figures(Ablation(KEY, {"ness": curve(make, 1, 2, 3)}))
    low, high = figure.axes[0].get_ylim()
    # 78.5 to 80.5, each with a deviation of sqrt(1 / 2).
    assert low < 78.5 - 0.5**0.5
    assert high > 80.5 + 0.5**0.5
    assert np.ptp(figure.axes[1].get_ylim()) >= 1, "one BWT, but for rounding"
