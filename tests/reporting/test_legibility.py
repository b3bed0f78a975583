"""Every figure in its worst cases: nothing too small, cut off, or over something else."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import pytest
from drawing import crowd, faults
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, square

from benchmarks.reporting.collect import collect
from benchmarks.reporting.figures.panels import numbered
from benchmarks.reporting.figures.plots import STYLE, looks_of, stream_figures

STREAM = "split_digits/til"


def assert_all_legible(out: Path) -> set[str]:
    """The names of the figures of the folder's one stream, all of them legible."""
    collection = collect(out)
    with matplotlib.style.context(STYLE):
        figures = stream_figures(collection, STREAM, looks_of(collection))
        pages = (page for kind in figures.items() for page in numbered(*kind))
        found = {name: faults(figure)[:5] for name, figure in pages}
    assert found == {name: [] for name in found}
    return set(found)


def test_25_methods_and_20_tasks(make: MakeRecord, tmp_path: Path) -> None:
    crowd(make, 25, 20, layers=2)
    assert assert_all_legible(tmp_path) >= {"accuracy", "matrices-2", "bars", "layers-2", "plane"}


@pytest.mark.parametrize(("methods", "tasks", "layers"), [(3, 5, 2), (8, 10, 6), (2, 20, 20)])
def test_fewer(make: MakeRecord, tmp_path: Path, methods: int, tasks: int, layers: int) -> None:
    crowd(make, methods, tasks, layers)
    found = {"accuracy", "matrices", "bars", "layers", "plane", "pareto"}
    assert assert_all_legible(tmp_path) >= found


def test_one_method_one_task(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", matrix=[[88.0]])
    assert assert_all_legible(tmp_path) == {"accuracy", "matrices", "bars", "pareto"}


def test_long_names_failed_runs_and_an_unmeasured_matrix(make: MakeRecord, tmp_path: Path) -> None:
    for eps in (1e-5, 1e-3, 0.1):
        for rule in ("nuclear", "operator_norm_of_the_matrix"):
            for seed in (0, 1):
                args = {"eps": eps, "rule": rule}
                make("ness", seed, HAND, spec={"strategy_args": args})
    make("joint", matrix=JOINT)
    make("gpm", matrix=CUT_OFF, status="failed")
    make("lora", matrix=[[None] * 3] * 3)
    make("from_scratch", matrix=square(3.0, -90.0, 3))
    assert "ablation-eps" in assert_all_legible(tmp_path)


def test_a_legend_of_long_names(make: MakeRecord, tmp_path: Path) -> None:
    for rule in ("nuclear_norm", "operator_norm", "frobenius_norm"):
        make(spec={"strategy_args": {"eps": 0.01, "rule": f"{rule}_of_the_whole_matrix"}})
    make("naive")
    assert "accuracy" in assert_all_legible(tmp_path)
