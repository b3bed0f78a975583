"""``scale.json``, and the table and figure made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.errors import BadInput
from benchmarks.speed.scale_file import Point, Scale
from benchmarks.speed.scale_outputs import write_outputs
from benchmarks.speed.scale_sizes import AXES, METHODS, AxisName
from benchmarks.speed.sweeping import ratios

PLACE = {"cpu": "a", "threads": 1, "cores": 2, "torch": "2", "git_commit": "c", "quick": True}


def point(axis: AxisName, method: str, x: int) -> Point:
    """Consolidation flat for GPM and linear for the rest; memory quadratic."""
    between = 0.5 if method == "gpm" else 0.1 * x
    return Point(
        axis=axis,
        method=method,
        x=x,
        step_s=[0.01, 0.5, 0.01],
        consolidate_s=[between],
        task_s=[2.0, 1.0, 9.0],
        state_bytes=8 * x * x,
        ranks={"fc1": 3},
    )


def scale() -> Scale:
    made = Scale(environment=PLACE)
    made.sizes = {a: {"tasks": 2, "width": 8, "samples": 9, "repeats": 3} for a in AXES}
    for axis in AXES:
        xs = range(1, 11) if axis == "tasks" else (1, 2, 4, 8, 16, 32)
        made.replace([point(axis, method, x) for method in METHODS for x in xs])
    made.ratios = ratios({"w2t1": [6.0] * 3, "w1t2": [8.0] * 3, "w1t1": [9.0] * 3})
    return made


def test_the_file_has_the_shape_that_others_rely_on(tmp_path: Path) -> None:
    made, path = scale(), tmp_path / "scale.json"
    made.write(path)
    data = json.loads(path.read_text())
    assert {"environment", "sizes", "fits", "points", "ratios"} <= set(data)
    fits = {name: fit["exponent"] for name, fit in data["fits"].items()}
    assert fits["width/consolidate_s/ness"] == 1.0
    assert fits["width/consolidate_s/gpm"] == 0.0
    assert fits["samples/state_bytes/recompute"] == 2.0
    assert fits["samples/task_s/naive"] == 0.0  # of medians
    assert fits["tasks/total_s/naive"] == 1.0
    assert data["fits"]["tasks/step_s/ness"]["points"] == 6  # from the fifth task on
    assert "width/consolidate_s/naive" not in fits
    ratio = data["ratios"]["sweep/two_workers_one_thread_vs_one_worker_two_threads"]
    assert (ratio["median"], ratio["seconds"]) == (0.75, {"w2t1": 6.0, "w1t2": 8.0})
    assert data["ratios"]["sweep/efficiency_of_two_workers"]["median"] == 0.75
    assert Scale.read(path) == made


def test_new_points_take_the_place_of_old_ones_and_others_stay() -> None:
    made = scale()
    count = len(made.points)
    newer = point("width", "ness", 8).model_copy(update={"task_s": [77.0]})
    made.replace([newer] + [point("width", m, 8) for m in METHODS if m != "ness"])
    assert len(made.points) == count
    assert dict(zip(*made.course("width", "task_s", "ness"), strict=True))[8] == 77.0


def test_merging_keeps_the_parts_that_are_not_measured_again() -> None:
    earlier, now = scale(), Scale(environment=PLACE)
    now.merge(earlier, Path("scale.json"))
    assert (now.points, now.fits, now.sizes) == (earlier.points, earlier.fits, earlier.sizes)
    assert now.ratios == earlier.ratios
    with pytest.raises(BadInput, match="another quick"):
        Scale(environment=PLACE | {"quick": False}).merge(earlier, Path("scale.json"))


def test_table_and_figure_show_what_there_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    made = scale()
    first = [path.read_bytes() for path in write_outputs(made, tmp_path)]
    assert [path.read_bytes() for path in write_outputs(made, tmp_path)] == first
    page = (tmp_path / "tables" / "scale.md").read_text()
    assert all(heading in page for heading in AXES.values())
    row = next(line for line in page.splitlines() if "Memory kept" in line and "GPM" in line)
    assert "2.00" in row
    assert "2 workers with 1 thread" in page
    made.points = [p for p in made.points if p.axis == "samples"]
    assert len(write_outputs(made, tmp_path)) == 3
    made.points = []
    assert len(write_outputs(made, tmp_path)) == 1


def test_a_file_that_is_not_there_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="benchmarks scale"):
        Scale.read(tmp_path / "scale.json")
