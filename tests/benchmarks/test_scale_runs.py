"""Measuring scale for real, on streams of seconds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli.app import main
from benchmarks.interruptions import Interrupted
from benchmarks.speed import scale_command, scale_runs, sweeping
from benchmarks.speed.scale_file import Point, Scale
from benchmarks.speed.scale_sizes import INPUTS, METHODS, QUICK, Axis, Size


def scale(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Any:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "scale", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_the_methods_keep_is_what_they_say() -> None:
    size = Size(tasks=4, width=16, samples=64)
    *_, points = scale_runs.measure("tasks", Axis((size,), repeats=2), "cpu")
    assert [len(p.step_s) for p in points] == [2] * 4 * len(METHODS)
    kept = {m: [p.state_bytes for p in points if p.method == m] for m in METHODS}
    moments = 8 * (INPUTS**2 + size.width**2)
    inputs = size.samples * (4 * INPUTS + 8)  # float32, and a task label each
    assert kept["naive"] == [0] * 4
    assert kept["ness"] == [moments] * 4
    assert kept["recompute"] == [moments + tasks * inputs for tasks in (1, 2, 3, 4)]
    assert sorted(kept["gpm"]) == kept["gpm"]
    assert kept["gpm"][0] > 0


@pytest.mark.parametrize("axis", ["width", "samples"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_along_a_size_the_last_task_is_a_point(axis: Any) -> None:
    *_, points = scale_runs.measure(axis, QUICK[axis], "cpu")
    assert {p.x for p in points} == {getattr(QUICK[axis].sizes[-1], axis)}
    assert len(points) == len(METHODS)
    ness = next(p for p in points if p.method == "ness")
    assert set(ness.ranks) == {"fc1", "fc2"}  # that of a task after the first
    assert 0 < ness.consolidate_s[0] < ness.task_s[0]


def test_parts_join_the_file_and_are_drawn_again_unmeasured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scale(monkeypatch, "--quick", "--only", "width", "--out", tmp_path) == 0
    assert scale(monkeypatch, "--quick", "--only", "samples", "--out", tmp_path) == 0
    data = json.loads((tmp_path / "scale.json").read_text())
    assert {p["axis"] for p in data["points"]} == {"width", "samples"}
    (tmp_path / "tables" / "scale.md").unlink()
    capsys.readouterr()
    monkeypatch.setattr(scale_runs, "measure", None)
    assert scale(monkeypatch, "--redraw", "--out", tmp_path) == 0
    assert "How cost grows" in capsys.readouterr().out
    assert (tmp_path / "figures" / "scale.pdf").is_file()
    assert scale(monkeypatch, "--only", "depth", "--out", tmp_path) == 2
    assert "--only depth" in capsys.readouterr().err


def test_what_was_measured_before_ctrl_c_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_point_then_stop(*_: Any) -> Any:
        times = {"step_s": [1.0], "consolidate_s": [1.0], "task_s": [1.0]}
        yield [Point(axis="width", method="ness", x=8, state_bytes=1, ranks={}, **times)]
        raise KeyboardInterrupt

    monkeypatch.setattr(scale_command.scale_runs, "measure", one_point_then_stop)
    assert scale(monkeypatch, "--quick", "--only", "width", "--out", tmp_path) == 130
    assert len(Scale.read(tmp_path / "scale.json").points) == 1
    assert (tmp_path / "figures" / "scale.png").is_file()


def test_the_sweep_that_is_timed_is_one(tmp_path: Path) -> None:
    from benchmarks.build import load_stream
    from benchmarks.sweep_spec import expand, load_sweep

    for sweep in (sweeping.FULL, sweeping.QUICK):
        specs = expand(load_sweep(sweeping.write_spec(sweep, tmp_path), ["threads=2"]))
        assert [spec.strategy for spec in specs] == list(sweeping.STRATEGIES)
        assert {spec.threads for spec in specs} == {2}
    assert len(load_stream(specs[0], None).tasks) == sweeping.TASKS


def test_a_sweep_that_fails_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sweeping, "STRATEGIES", ("no_such",))
    with pytest.raises(Interrupted, match="unknown strategy 'no_such'"):
        sweeping.measure(sweeping.QUICK, lambda _: None)
    assert not list(tmp_path.iterdir())
