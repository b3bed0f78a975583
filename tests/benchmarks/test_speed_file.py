"""``speed.json``: what others read ratios from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.errors import BadInput
from benchmarks.speed.paired import ratio
from benchmarks.speed.speed_file import Entry, Measured, environment

STEP, LOOP = "step_vs_naive/mlp", "loop_vs_bare/mlp"


def entry(value: float) -> Entry:
    found = ratio([value * k for k in (0.9, 1.0, 1.1)], [1.0, 1.0, 1.0])
    return Entry.of(found, {"ness": value, "naive": 1.0, "harness": value, "bare": 1.0})


def measured(**environment: object) -> Measured:
    place = {"cpu": "a", "git_commit": "c", "git_dirty": False, "load_average": 0.5}
    return Measured(environment=place | environment)


def test_the_file_has_the_shape_that_others_rely_on(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    now = Measured(environment=environment("cpu", 1), ratios={STEP: entry(1.25)})
    now.write(path)
    data = json.loads(path.read_text())
    assert {"environment", "ratios"} <= set(data)
    assert {"cpu", "cores", "threads", "torch", "git_commit", "git_dirty", "load_average"} <= set(
        data["environment"]
    )
    stored = data["ratios"][STEP]
    assert stored["low"] <= stored["median"] == 1.25 <= stored["high"]
    assert stored["rounds"] == 3
    assert (stored["seconds"]["ness"], stored["seconds"]["naive"]) == (1.25, 1.0)
    assert Measured.read(path) == now


def test_merging_keeps_what_is_not_measured_again_and_owns_up_to_dirt_and_load() -> None:
    earlier = measured(git_dirty=True, load_average=3.0)
    earlier.ratios, earlier.missing = {STEP: entry(1.0), LOOP: entry(1.0)}, ["a", "b"]
    now = measured()
    now.ratios, now.missing = {STEP: entry(2.0), "a": entry(1.0)}, ["c", LOOP]
    now.merge(earlier, Path("speed.json"))
    assert {name: e.median for name, e in now.ratios.items()} == {STEP: 2.0, LOOP: 1.0, "a": 1.0}
    assert now.missing == ["b", "c"]
    assert now.environment["git_dirty"] is True
    assert now.environment["load_average"] == 3.0


@pytest.mark.parametrize("differing", [{"cpu": "b"}, {"git_commit": "d"}, {"gpu": "one"}])
def test_ratios_of_two_environments_are_not_mixed(differing: dict[str, str]) -> None:
    (key,) = differing
    with pytest.raises(BadInput, match=f"another {key}.*--out"):
        measured(**differing).merge(measured(), Path("speed.json"))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"environment": {}, "ratios": {"a": {"median": -1}}}', '{"x": NaN}']
)
def test_a_damaged_file_is_named_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"speed\.json: damaged"):
        Measured.read(path)


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        Measured.read(tmp_path / "speed.json")


@pytest.mark.parametrize("name", ["step_vs_nothing/mlp", "step_vs_naive/vgg", "fused_vs_plain/mlp"])
def test_a_ratio_that_is_not_measured_any_more_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "speed.json"
    text = json.dumps({"environment": {}, "ratios": {name: entry(1.0).model_dump()}})
    path.write_text(text)
    with pytest.raises(BadInput, match=f"speed.json: damaged .*{name}.* none that is measured"):
        Measured.read(path)


def test_a_ratio_without_the_seconds_of_its_sides_is_named(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    lacking = entry(1.0).model_dump() | {"seconds": {"ness": 1.0}}
    path.write_text(json.dumps({"environment": {}, "ratios": {STEP: lacking}}))
    with pytest.raises(BadInput, match="lacks the seconds of ness or naive"):
        Measured.read(path)
