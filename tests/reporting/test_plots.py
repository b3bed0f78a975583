"""The figures: which files, from which runs, and that they repeat."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.errors import BadInput
from benchmarks.reporting.figures.plots import write_plots


def test_files_and_bytes_repeat(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (0, 1):
        make("ness", seed, shifted(HAND, seed))
        make("joint", seed, shifted(JOINT, seed))
    make("gpm", 0, CUT_OFF, status="failed")
    before = dict(mpl.rcParams)
    written = write_plots(tmp_path)
    assert sorted(path.name for path in written.paths) == [
        "split_digits-til-accuracy.pdf",
        "split_digits-til-accuracy.png",
        "split_digits-til-bars.pdf",
        "split_digits-til-bars.png",
        "split_digits-til-matrices.pdf",
        "split_digits-til-matrices.png",
        "split_digits-til-pareto.pdf",
        "split_digits-til-pareto.png",
        "split_digits-til-plane.pdf",
        "split_digits-til-plane.png",
    ]
    no_run, no_place = written.messages
    assert no_run == "split_digits/til: gpm not drawn (no finished run)"
    assert no_place.startswith("split_digits/til: joint not in the plane (trained once")
    first = {path: path.read_bytes() for path in written.paths}
    assert first == {path: path.read_bytes() for path in write_plots(tmp_path).paths}
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(("matrix", "figures"), [([[88.0]], 4), (JOINT, 4), ([[None]], 2)])
def test_odd_matrices_are_drawn(make: MakeRecord, tmp_path: Path, matrix, figures: int) -> None:
    make("a_strategy_$with$_dollars", matrix=matrix)
    assert len(write_plots(tmp_path).paths) == 2 * figures


def test_nothing_finished_draws_nothing(make: MakeRecord, tmp_path: Path) -> None:
    make(status="running", matrix=CUT_OFF)
    assert write_plots(tmp_path).paths == []
    make(status="failed", matrix=CUT_OFF)
    written = write_plots(tmp_path)
    assert written.paths == []
    assert written.messages == ["split_digits/til: ness not drawn (no finished run)"]


def test_an_empty_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run records"):
        write_plots(tmp_path)


def test_importing_reporting_brings_neither_torch_nor_pyplot() -> None:
    code = (
        "import sys; import benchmarks.reporting.tables, benchmarks.reporting.figures.plots;"
        "sys.exit(bool({'torch', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


def varied(make: MakeRecord) -> None:
    for number, eps in enumerate((0.001, 0.01)):
        make(matrix=shifted(HAND, number), spec={"strategy_args": {"eps": eps, "rule": "a"}})
    make("naive")


def test_one_figure_over_a_key(make: MakeRecord, tmp_path: Path) -> None:
    varied(make)
    assert "ablation" not in str(write_plots(tmp_path).paths), "two values are no sweep"
    written = write_plots(tmp_path, "eps")
    assert [path.name for path in written.paths] == [
        "split_digits-til-ablation-eps.png",
        "split_digits-til-ablation-eps.pdf",
    ]


def test_a_key_without_a_curve_is_bad_input(make: MakeRecord, tmp_path: Path) -> None:
    make(spec={"strategy_args": {"eps": 0.001, "rule": "a"}})
    make(spec={"strategy_args": {"eps": 0.01, "rule": "b"}})
    with pytest.raises(BadInput, match="--over eps: no two runs of a method differ in it alone"):
        write_plots(tmp_path, "eps")
