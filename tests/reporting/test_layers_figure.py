"""The panels of ranks and interference."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import crowd
from matplotlib.figure import Figure
from reporting_records import MakeRecord, task

from benchmarks.reporting.figures.layers_figure import layers_figures


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_rank_above_interference_and_methods_with_rank_alone_below(make: MakeRecord) -> None:
    ranks = {"fc1": 10, "fc2": 100}
    disturbed = {"interference": {"fc1": 1e-5, "fc2": 0.0}, "interference_bound": {"fc1": 1e-2}}
    runs = {
        "naive": [make("naive")],
        "frozen": [make("frozen", tasks=[task(), task(ranks={"fc1": 0})])],
        "gpm": [make("gpm", tasks=[task(), task(ranks=ranks)])],
        "ness": [make(tasks=[task(), task(ranks=ranks, **disturbed)])],
    }
    (figure,) = layers_figures(runs)
    assert titles(figure) == ["ness", "ness", "gpm"]
    rank, interference, _ = figure.axes
    np.testing.assert_equal([line.get_ydata()[1] for line in rank.lines], [10, 100])
    fc1, fc2, bound, _ = interference.lines
    assert fc1.get_ydata()[1] == 1e-5
    assert bound.get_ydata()[1] == 1e-2
    figure.draw_without_rendering()
    zero = interference.get_yticklabels()[0]
    assert zero.get_text() == "0"
    assert zero.get_position()[1] == fc2.get_ydata()[1]
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["fc1", "fc2", "bound (dotted)"]


def test_many_layers_have_a_scale_of_colours(make: MakeRecord) -> None:
    (figure,) = layers_figures(crowd(make, 2, 3, layers=20, seeds=1))
    *_, bar = figure.axes
    figure.draw_without_rendering()
    assert len(bar.get_yticklabels()) == 20
    assert bar.get_yticklabels()[0].get_text() == "layer1.0.conv1"


def test_the_two_panels_of_a_method_are_on_one_page(make: MakeRecord) -> None:
    runs = crowd(make, 25, 2, seeds=1)
    figures = layers_figures(runs)
    assert len(figures) > 1
    for figure in figures:
        assert all(titles(figure).count(title) == 2 for title in titles(figure))


def test_nothing_recorded_draws_nothing(make: MakeRecord) -> None:
    assert layers_figures({"naive": [make("naive")]}) == []


def test_long_names_and_layers_stay_on_pages_of_print(make: MakeRecord) -> None:
    runs = crowd(make, 14, 2, layers=6, seeds=1)
    long = {f"{label} [{'rule=x, ' * 30}]": records for label, records in runs.items()}
    figures = layers_figures(long)
    assert all(figure.get_figheight() <= 9.5 for figure in figures)
    assert len(figures) > len(layers_figures(runs))


def test_layers_that_are_all_alike_are_one_line_of_their_own_look(make: MakeRecord) -> None:
    alike, apart = {"fc1": 16, "fc2": 16}, {"fc1": 10, "fc2": 16}
    runs = {
        "lora": [make("lora", tasks=[task(), task(ranks=alike)])],
        "gpm": [make("gpm", tasks=[task(), task(ranks=apart)])],
    }
    (figure,) = layers_figures(runs)
    lora, gpm = figure.axes
    (line,) = lora.lines
    assert line.get_ydata()[1] == 16
    assert line.get_marker() not in {other.get_marker() for other in gpm.lines}
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["fc1", "fc2", "all layers alike"]


def test_a_band_is_one_deviation_to_both_sides_and_explained(make: MakeRecord) -> None:
    runs = {"gpm": [make("gpm", n, tasks=[task(), task(ranks={"fc1": n})]) for n in (10, 12)]}
    (figure,) = layers_figures(runs)
    heights = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((11 - 2**0.5, 11 + 2**0.5))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["fc1", "std over seeds"]
