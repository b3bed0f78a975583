"""The stability-plasticity plane as drawn."""

from __future__ import annotations

import numpy as np
import pytest
from drawing import looks
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from reporting_records import HAND, JOINT, MakeRecord, shifted, square

from benchmarks.record_parts import Matrix
from benchmarks.records import RunRecord
from benchmarks.reporting.figures.looks import BOUND_MARKER
from benchmarks.reporting.figures.plane import equal_acc, places, undominated
from benchmarks.reporting.figures.plane_figure import MOST_BEST, plane_figure


def drawn(runs: dict[str, list[RunRecord]]) -> Figure:
    figure = plane_figure(runs, looks(runs))
    assert figure is not None
    return figure


def test_places_names_and_lines_of_equal_acc(make: MakeRecord) -> None:
    runs = {
        "joint": [make("joint", matrix=JOINT)],
        "cumulative": [make("cumulative", matrix=shifted(HAND, 3))],
        "gpm": [make("gpm", matrix=square(70, tasks=3))],
        "ness": [make(seed=seed, matrix=shifted(HAND, 2.0 * seed)) for seed in (0, 1)],
    }
    figure = drawn(runs)
    (axes,) = figure.axes
    marks = [line.get_xydata().tolist()[0] for line in axes.lines if line.get_marker() != "None"]
    assert marks == [[-21, 95], [0, 70], [-21, 93]]
    names = {text.get_text() for text in axes.texts if text.get_gid() != "acc"}
    assert names == {"cumulative", "gpm", "ness"}
    (guides,) = (c for c in axes.collections if isinstance(c, LineCollection))
    for segment in guides.get_segments():
        accs = [la + bwt * 2 / 3 for bwt, la in segment]
        assert accs[0] == pytest.approx(accs[1])
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["method", "upper bound", "std over seeds", "equal ACC"]


def test_the_numbers_stand_where_their_lines_end(make: MakeRecord) -> None:
    (axes,) = drawn(
        {"gpm": [make("gpm", matrix=square(70, -10.0))], "ness": [make(matrix=square(90))]}
    ).axes
    numbers = [text for text in axes.texts if text.get_gid() == "acc"]
    assert numbers
    for text in numbers:
        bwt, learned = text.xy
        acc = float(text.get_text().removeprefix("ACC "))
        assert equal_acc(acc, bwt, 10) == pytest.approx(learned)
    assert sum(text.get_text().startswith("ACC ") for text in numbers) == 1


def test_a_method_far_off_is_at_the_edge_with_its_value(make: MakeRecord) -> None:
    runs = {f"m{n}": [make(f"m{n}", matrix=square(90, -n / 5))] for n in range(9)}
    runs["far"] = [make("far", matrix=square(45, -45.0))]
    (axes,) = drawn(runs).axes
    assert axes.get_xlim()[0] > -20
    assert "far \N{LEFTWARDS ARROW} \N{MINUS SIGN}45.0" in {t.get_text() for t in axes.texts}


def test_runs_of_differing_length_have_no_common_lines(make: MakeRecord) -> None:
    runs = {"gpm": [make("gpm", matrix=square(70, tasks=4))], "ness": [make()]}
    (axes,) = drawn(runs).axes
    assert not axes.collections


def test_with_one_task_there_is_no_plane(make: MakeRecord) -> None:
    runs = {"ness": [make(matrix=[[50.0]])]}
    assert plane_figure(runs, looks(runs)) is None


def test_equal_methods_are_both_named(make: MakeRecord) -> None:
    runs = {label: [make(label, matrix=square(80))] for label in ("gpm", "sgp")}
    (axes,) = drawn(runs).axes
    assert {"gpm", "sgp"} <= {text.get_text() for text in axes.texts}
    assert np.isfinite(axes.get_xlim()).all()


def test_of_too_many_methods_the_undominated_alone_are_named(make: MakeRecord) -> None:
    runs = {f"m{n}": [make(f"m{n}", matrix=square(50 + n, -n / 10, 3))] for n in range(41)}
    runs["best"] = [make("best", matrix=square(95, 0.0, 3))]
    figure = drawn(runs)
    names = {text.get_text() for text in figure.axes[0].texts if text.get_gid() != "acc"}
    assert names == {place.label for place in undominated(places(runs))}
    assert "best" in names
    assert len(names) < 5
    assert figure.legends[0].get_texts()[0].get_text() == "method, named if not dominated"


def test_of_too_many_that_none_dominates_the_best_are_named(make: MakeRecord) -> None:
    # BWT falls by 1 where LA rises by 1/2: a front of 41, best at its start.
    runs = {f"m{n}": [make(f"m{n}", matrix=_placed(60 + n / 2, -n))] for n in range(41)}
    figure = drawn(runs)
    names = {text.get_text() for text in figure.axes[0].texts if text.get_gid() != "acc"}
    assert names == {f"m{n}" for n in range(MOST_BEST)}
    said = figure.legends[0].get_texts()[0].get_text()
    assert said == "method, named 15 of the 41 that are not dominated"


def _placed(learned: float, bwt: float) -> Matrix:
    """Two tasks with this learning accuracy and backward transfer."""
    return [[learned, None], [learned + bwt, learned]]


def test_lines_of_equal_acc_cover_the_axes_and_end_at_100(make: MakeRecord) -> None:
    places = {"gpm": _placed(90, -40), "ness": _placed(99, 0), "sgp": _placed(60, 40)}
    (axes,) = drawn({label: [make(label, matrix=places[label])] for label in places}).axes
    (guides,) = (c for c in axes.collections if isinstance(c, LineCollection))
    # ACC = LA + BWT / 2: 60 - 20 and less at the lower left, 99 + 20 at the upper right.
    accs = [round(la + bwt / 2) for ((bwt, la), _) in guides.get_segments()]
    assert accs == [40, 60, 80, 100]


def test_equal_transfer_but_for_rounding_is_one_place(make: MakeRecord) -> None:
    runs = {f"m{n}": [make(f"m{n}", matrix=_placed(60 + n, n * 1e-14))] for n in range(3)}
    (axes,) = drawn(runs).axes
    assert np.ptp(axes.get_xlim()) >= 1


def test_validation_images_are_named(make: MakeRecord) -> None:
    axis = "Learning accuracy, LA (%): plasticity"
    for spec, on in (({}, ""), ({"evaluate_on": "valid"}, "\non validation images")):
        (axes,) = drawn({"ness": [make(spec=spec)]}).axes
        assert axes.get_ylabel() == axis + on


def test_an_upper_bound_has_a_shape_of_its_own(make: MakeRecord) -> None:
    runs = {"cumulative": [make("cumulative")], "ness": [make(matrix=shifted(HAND, 2))]}
    (axes,) = drawn(runs).axes
    bound, ness = (line.get_marker() for line in axes.lines if line.get_marker() != "None")
    assert bound == BOUND_MARKER != ness
    assert all(
        look["marker"] != BOUND_MARKER for look in looks(dict.fromkeys("abcdefghijk")).values()
    )
