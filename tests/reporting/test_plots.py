"""The figures: which files, from which runs, and that they repeat."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.errors import BadInput
from benchmarks.reporting.figures import accuracy_figure, line_styles, matrices_figure
from benchmarks.reporting.plots import write_plots


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
        "split_digits-til-matrices.pdf",
        "split_digits-til-matrices.png",
        "split_digits-til-pareto.pdf",
        "split_digits-til-pareto.png",
    ]
    assert written.messages == ["split_digits/til: gpm not drawn (no finished run)"]
    first = {path: path.read_bytes() for path in written.paths}
    assert first == {path: path.read_bytes() for path in write_plots(tmp_path).paths}
    assert dict(mpl.rcParams) == before


def test_accuracy_figure_draws_means_bands_and_joint_as_a_level(make: MakeRecord) -> None:
    runs = {
        "joint": [make("joint", matrix=JOINT)],
        "naive": [make("naive", matrix=shifted(HAND, -5))],
        "ness": [make("ness", seed, shifted(HAND, 2.0 * seed)) for seed in (0, 1)],
    }
    (axes,) = accuracy_figure(runs, line_styles({label: label for label in runs})).axes
    joint, naive, ness = axes.lines
    assert set(joint.get_ydata()) == {97}
    np.testing.assert_allclose(naive.get_ydata(), [85, 88.5, 73])
    np.testing.assert_allclose(ness.get_ydata(), [91, 94.5, 79])
    assert len(axes.collections) == 1, "one seed has no band"
    assert axes.get_ylim()[1] <= 101
    assert axes.get_ylabel() == "Accuracy on tasks seen so far (%)"


def test_matrices_figure_annotates_what_was_measured(make: MakeRecord) -> None:
    runs = {"ness": [make(seed=seed, matrix=shifted(HAND, 2.0 * seed)) for seed in (0, 1)]}
    axes = matrices_figure(runs).axes[0]
    assert [text.get_text() for text in axes.texts] == [
        "91.0",
        "96.0",
        "93.0",
        "61.0",
        "81.0",
        "95.0",
    ]


def test_more_than_ten_tasks_are_not_annotated(make: MakeRecord) -> None:
    matrix = [[50.0 if j <= i else None for j in range(11)] for i in range(11)]
    assert not matrices_figure({"ness": [make(matrix=matrix)]}).axes[0].texts


def test_variants_of_a_strategy_share_its_colour_and_no_look_repeats() -> None:
    labels = {f"m{number}": f"m{number}" for number in range(9)} | {"m8 [eps=1]": "m8"}
    looks = line_styles(labels)
    assert looks["m8"]["color"] == looks["m8 [eps=1]"]["color"]
    assert len({str(look) for look in looks.values()}) == len(labels)


@pytest.mark.parametrize(("matrix", "figures"), [([[88.0]], 3), (JOINT, 3), ([[None]], 2)])
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
        "import sys; import benchmarks.reporting.tables, benchmarks.reporting.plots;"
        "sys.exit(bool({'torch', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
