"""``python -m benchmarks speed``: what it keeps, draws and says, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli.app import main
from benchmarks.speed import command
from benchmarks.speed.paired import ratio
from benchmarks.speed.quantities import QUANTITIES, Kind, bounds, names, split
from benchmarks.speed.speed_file import Entry, Measured
from benchmarks.speed.table import goals_missed, limits_passed

OF_THE_ISSUE = {
    *("step_vs_naive/alexnet", "step_vs_fold/alexnet", "consolidate_vs_epoch/alexnet"),
    *("consolidate_growth/alexnet", "loop_vs_bare/alexnet", "loop_vs_bare/mlp"),
}


def entry(value: float, name: str) -> Entry:
    quantity, _ = split(name)
    found = ratio([value * k for k in (0.9, 1.0, 1.1)], [1.0] * 3)
    return Entry.of(found, {quantity.numerator: value, quantity.denominator: 1.0})


class Fake:
    """In place of `benchmarks.speed.measure.measure`: every ratio is ``value``."""

    def __init__(self, value: float = 0.4) -> None:
        self.value, self.interrupt_at, self.calls = value, 99, list[tuple[str, str]]()

    def __call__(self, kind: Kind, net: str, *_: Any) -> dict[str, Entry]:
        self.calls.append((kind, net))
        if len(self.calls) > self.interrupt_at:
            raise KeyboardInterrupt
        return {name: entry(self.value, name) for name in names(kind, net)}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    measure = Fake()
    monkeypatch.setattr(command, "measure", measure)
    place = {"cpu": "a", "threads": 1, "cores": 2, "torch": "2", "git_commit": "c"}
    monkeypatch.setattr(command, "environment", lambda *_: dict(place))
    return measure


def speed(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Any:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "speed", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_everything_is_measured_kept_and_drawn(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert speed(monkeypatch, "--out", tmp_path) == 0
    data = json.loads((tmp_path / "speed.json").read_text())
    assert data["ratios"].keys() == {
        f"{name}/{net}" for name, q in QUANTITIES.items() for net in q.nets
    }
    assert data["ratios"].keys() >= OF_THE_ISSUE
    assert data["missing"] == []
    assert data["goals"]["step_vs_naive/mlp"] == {"goal": 1.15, "limit": 1.3}
    assert data["nets"]["alexnet"]["samples"] == 4750
    table = (tmp_path / "tables" / "speed.md").read_text()
    shown = capsys.readouterr()
    assert table.strip() in shown.out
    assert "NESS / naive (`step_vs_naive`)" in table
    assert "≤ 1.15, met" in table
    assert "goal missed" not in shown.err
    assert (tmp_path / "figures" / "speed.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "figures" / "speed.pdf").read_bytes().startswith(b"%PDF")


def test_above_a_limit_the_status_is_1_and_the_ratio_is_named(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.value = 1.31
    assert speed(monkeypatch, "--out", tmp_path, "--net", "alexnet", "--only", "step") == 1
    err = capsys.readouterr().err
    assert "error: step_vs_naive/alexnet is 1.310, above its limit 1.3" in err
    assert "goal missed: step_vs_fold/alexnet is 1.310, its goal 0.5" in err
    assert "above its limit 1.3" in (tmp_path / "tables" / "speed.md").read_text()


def test_a_missed_goal_is_said_and_is_no_failure(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.value = 1.2
    assert speed(monkeypatch, "--out", tmp_path, "--net", "mlp") == 0
    err = capsys.readouterr().err
    assert "goal missed: step_vs_naive/mlp is 1.200, its goal 1.15" in err
    assert "goal missed: consolidate_growth/mlp is 1.200, its goal 1.1" in err
    assert "loop_vs_bare/mlp is" not in err


def test_what_was_measured_before_ctrl_c_is_kept_and_can_be_completed(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.interrupt_at = 2
    assert speed(monkeypatch, "--out", tmp_path) == 130
    partial = Measured.read(tmp_path / "speed.json")
    assert partial.ratios.keys() == {*names("step", "alexnet"), *names("step", "mlp")}
    assert "loop_vs_bare/mlp" in partial.missing
    assert "Not measured: " in (tmp_path / "tables" / "speed.md").read_text()
    fake.interrupt_at, fake.value = 99, 0.3
    assert speed(monkeypatch, "--out", tmp_path, "--only", "loop") == 0
    merged = Measured.read(tmp_path / "speed.json")
    assert merged.ratios["loop_vs_bare/mlp"].median == 0.3
    assert merged.ratios["step_vs_naive/mlp"].median == 0.4
    assert "loop_vs_bare/mlp" not in merged.missing
    assert "consolidate_growth/mlp" in merged.missing


def test_another_place_is_refused_before_anything_is_measured(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Measured(environment={"cpu": "another"}).write(tmp_path / "speed.json")
    assert speed(monkeypatch, "--out", tmp_path, "--only", "step") == 2
    assert "speed.json: measured with another cpu" in capsys.readouterr().err
    assert fake.calls == []
    assert speed(monkeypatch, "--out", tmp_path) == 0  # all of it is a new file


def test_redrawing_measures_nothing_and_gives_the_same_bytes(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert speed(monkeypatch, "--out", tmp_path, "--net", "mlp") == 0
    files = [tmp_path / "tables/speed.md", *sorted((tmp_path / "figures").iterdir())]
    before = [path.read_bytes() for path in files]
    for path in files:
        path.unlink()
    fake.calls.clear()
    assert speed(monkeypatch, "--out", tmp_path, "--redraw") == 0
    assert fake.calls == []
    assert [path.read_bytes() for path in files] == before


def test_drawing_needs_no_torch(fake: Fake, tmp_path: Path) -> None:
    code = "import sys, benchmarks.speed.outputs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "steps"), "did you mean 'step'"),
        (("--net", "vgg"), "known: alexnet"),
        (("--device", "tpu"), "--device tpu"),
        (("--minutes", "0"), "give more than 0"),
        (("--redraw",), "cannot be read"),
    ],
)
def test_bad_words_are_bad_input(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert speed(monkeypatch, "--out", tmp_path, *arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_goals_and_limits_are_judged_by_the_median() -> None:
    ratios = {name: entry(bound.goal, name) for name, bound in bounds()}
    assert goals_missed(ratios) == limits_passed(ratios) == []
    ratios = {"step_vs_naive/mlp": entry(1.3, "step_vs_naive/mlp")}
    assert limits_passed(ratios) == []
    assert goals_missed(ratios) == ["step_vs_naive/mlp is 1.300, its goal 1.15"]
