"""The Pareto figure: its front, its axes, and names that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import matplotlib.style
import numpy as np
import pytest
from drawing import faults
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from reporting_records import CUT_OFF, JOINT, MakeRecord, square, task

from benchmarks.records import RunRecord
from benchmarks.reporting.figures.looks import BOUND_MARKER, line_styles
from benchmarks.reporting.figures.pareto_figure import pareto_figure
from benchmarks.reporting.figures.plots import STYLE

Runs = dict[str, list[RunRecord]]


@pytest.fixture(autouse=True)
def in_style() -> Iterator[None]:
    with matplotlib.style.context(STYLE):
        yield


def costing(seconds: float, state: int) -> list:
    return [task(train_s=seconds, consolidate_s=0.0, state_bytes=state)] * 3


def drawn(runs: Runs) -> Figure:
    figure = pareto_figure(runs, line_styles({label: label for label in runs}))
    assert figure is not None
    return figure


def emphasised(axes: Axes) -> set[str]:
    return {text.get_text() for text in axes.texts if text.get_fontweight() == "bold"}


def step(axes: Axes) -> list[tuple[float, float]]:
    (line,) = (line for line in axes.lines if line.get_gid() == "front")
    return [(float(x), float(y)) for x, y in line.get_xydata()][:-1]


def ticks(axes: Axes) -> list[str]:
    return [tick.get_text() for tick in axes.get_xticklabels()]


@pytest.fixture
def three(make: MakeRecord) -> Runs:
    """gpm beats lora in seconds, and keeps more."""
    return {
        "joint": [make("joint", matrix=JOINT, tasks=[task()])],
        "lora": [make("lora", matrix=square(70, tasks=3), tasks=costing(4.0, 0))],
        "gpm": [make("gpm", matrix=square(80, tasks=3), tasks=costing(2.0, 4096))],
        "ness": [
            make("ness", seed, square(acc, tasks=3), tasks=costing(3.0, 10**6))
            for seed, acc in ((0, 88), (1, 92))
        ],
    }


def test_each_panel_has_its_own_front(three: Runs) -> None:
    seconds, kept = drawn(three).axes
    assert step(seconds) == [(2, 80), (3, 90)]
    assert step(kept) == [(0, 70), (4096, 80), (10**6, 90)]
    assert emphasised(seconds) == {"gpm", "ness"}
    assert emphasised(kept) == {"lora", "gpm", "ness"}
    filled = [line.get_markerfacecolor() for line in seconds.lines if line.get_marker() != "None"]
    assert filled.count("white") == 1
    assert "evaluation excluded" in seconds.get_xlabel()


def test_joint_is_a_level_and_not_on_the_front(three: Runs) -> None:
    for axes in drawn(three).axes:
        assert [97, 97] in [list(line.get_ydata()) for line in axes.lines]
        assert "joint" not in {text.get_text() for text in axes.texts}
    (legend,) = drawn(three).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "Pareto front",
        "dominated",
        "joint",
        "std over seeds",
    ]


def test_nothing_kept_has_a_tick_of_its_own_behind_a_break(three: Runs) -> None:
    kept = drawn(three).axes[1]
    assert ticks(kept)[0] == "0"
    assert set(ticks(kept)) > {"10 KiB", "100 KiB"}
    assert [line for line in kept.lines if line.get_gid() == "break"]
    zero, least = kept.transData.transform([(0, 80), (4096, 80)])[:, 0]
    assert kept.bbox.x0 < zero < least - 10
    seconds = drawn(three).axes[0]
    assert not [line for line in seconds.lines if line.get_gid() == "break"]
    assert seconds.get_xscale() == "linear"


@pytest.mark.parametrize("state", [0, 5 * 2**20])
def test_one_method(make: MakeRecord, state: int) -> None:
    runs = {"ness": [make(matrix=square(80, tasks=3), tasks=costing(0.0, state))]}
    for axes in drawn(runs).axes:
        assert emphasised(axes) == {"ness"}
        assert len(ticks(axes)) >= 1
        low, high = axes.get_xlim()
        assert low < step(axes)[0][0] < high


@pytest.mark.filterwarnings("error")
def test_costs_that_no_run_has_are_drawn(make: MakeRecord) -> None:
    costs = {"a": (1e-300, 2**63 - 1), "b": (1e10, 0), "c": (0.0, 1), "d": (1.0, 2**20)}
    runs = {
        name: [make(name, matrix=square(50, tasks=3), tasks=costing(*cost))]
        for name, cost in costs.items()
    }
    drawn(runs).draw_without_rendering()


def test_equal_methods_are_both_named_and_on_the_front(make: MakeRecord) -> None:
    runs = {
        name: [make(name, matrix=square(80, tasks=3), tasks=costing(1.0, 10))]
        for name in ("gpm", "sgp")
    }
    for axes in drawn(runs).axes:
        assert emphasised(axes) == {"gpm", "sgp"}


def test_a_method_far_below_is_drawn_at_the_edge_with_its_accuracy(make: MakeRecord) -> None:
    accs = {"a": 96.0, "b": 97.0, "c": 97.5, "d": 98.0, "e": 98.5, "far": 20.0}
    runs = {name: [make(name, matrix=square(acc, tasks=3))] for name, acc in accs.items()}
    for axes in drawn(runs).axes:
        assert axes.get_ylim()[0] > 80
        assert "far \N{DOWNWARDS ARROW}20.0" in {text.get_text() for text in axes.texts}


def test_without_any_accuracy_there_is_no_figure(make: MakeRecord) -> None:
    assert pareto_figure({"ness": [make(matrix=CUT_OFF)]}, line_styles({"ness": "ness"})) is None


def test_unequal_conditions_are_named_at_the_axis_of_the_seconds(make: MakeRecord) -> None:
    environments = [{"host": host, "threads": 1, "gpu": None} for host in ("a", "b")]
    alike = {name: [make(name, environment=environments[0])] for name in ("gpm", "ness")}
    assert "not comparable" not in drawn(alike).axes[0].get_xlabel()
    alike["ness"].append(make("ness", 1, environment=environments[1]))
    seconds, kept = drawn(alike).axes
    assert "not comparable: runs differ in host" in seconds.get_xlabel()
    assert "not comparable" not in kept.get_xlabel()


@pytest.mark.parametrize("crowd", [0.02, 0.3, 1.0])
def test_names_of_25_methods_do_not_cover_each_other(make: MakeRecord, crowd: float) -> None:
    random = np.random.default_rng(0)
    runs = {}
    for number in range(25):
        name = f"a_long_method_{number}"[-int(random.integers(6, 16)) :]
        seconds = float(np.exp(crowd * random.normal()))
        state = 0 if number % 5 == 0 else int(2 ** (20 + 4 * crowd * random.normal()))
        acc = float(np.clip(70 + 20 * crowd * random.normal(), 0, 95))
        runs[name] = [
            make(name, seed, square(acc + seed, tasks=3), tasks=costing(seconds, state))
            for seed in (0, 1)
        ]
    assert len(runs) == 25
    figure = drawn(runs)
    for dpi in (150, 300):
        figure.set_dpi(dpi)
        figure.draw_without_rendering()
        for axes in figure.axes:
            boxes = [text.get_window_extent() for text in axes.texts]
            assert len(boxes) == 25
            assert not [pair for pair in combinations(boxes, 2) if cover(*pair)]
            assert all(box.x0 >= axes.bbox.x0 - 1 and box.x1 <= axes.bbox.x1 + 1 for box in boxes)


def cover(one: Bbox, other: Bbox) -> bool:
    across = one.x0 < other.x1 and other.x0 < one.x1
    return bool(across and one.y0 < other.y1 and other.y0 < one.y1)


def test_of_too_many_methods_the_front_alone_is_named(make: MakeRecord) -> None:
    runs = {
        f"m{n}": [make(f"m{n}", matrix=square(50 + n, tasks=3), tasks=costing(1.0, 100 + n % 2))]
        for n in range(41)
    }
    figure = drawn(runs)
    for axes, best in zip(figure.axes, ({"m40"}, {"m40"}), strict=True):
        assert {text.get_text() for text in axes.texts} == best
    assert "dominated (not named)" in {t.get_text() for t in figure.legends[0].get_texts()}
    assert figure.get_figheight() < 9.5


def test_an_upper_bound_looks_other_than_a_dominated_method(make: MakeRecord) -> None:
    runs = {"cumulative": [make("cumulative")], "gpm": [make("gpm")], "ness": [make()]}
    runs["gpm"] = [make("gpm", matrix=square(70, tasks=3))]
    figure = drawn(runs)
    shapes = {line.get_label(): line.get_marker() for line in figure.legends[0].get_lines()}
    assert shapes["upper bound"] == BOUND_MARKER
    assert shapes["dominated"] != BOUND_MARKER
    for axes in figure.axes:
        assert BOUND_MARKER in {line.get_marker() for line in axes.lines}


@pytest.mark.parametrize("levels", [1, 9])
def test_no_name_of_images_or_of_a_level_is_cut_off(make: MakeRecord, levels: int) -> None:
    runs = {f"ness [{x}]": [make(spec={"evaluate_on": x})] for x in ("test", "valid")}
    for number in range(levels):
        label = f"joint [optimizer.lr=0.00{number}]"
        runs[label] = [make("joint", matrix=JOINT, tasks=[task()])]
    figure = drawn(runs)
    assert figure.axes[0].get_ylabel().endswith("\non test or validation images")
    assert not [fault for fault in faults(figure) if fault.startswith("cut off")]
