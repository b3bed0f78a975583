from __future__ import annotations

import json
from pathlib import Path

import pytest
from reporting_records import HAND, MakeRecord, task

from benchmarks.reporting.collect import collect
from benchmarks.reporting.html import details as module
from benchmarks.reporting.html.details import as_json, details

LAYERS = {"fc1": 0.0123456, "fc2": 2.0}


@pytest.fixture
def out(make: MakeRecord, tmp_path: Path) -> Path:
    tasks = [task(ranks={"fc1": 7} if number else {}, interference=LAYERS) for number in range(3)]
    make("ness", tasks=tasks, environment={"host": "a", "threads": 1})
    make("gpm", 1, environment={"host": "a", "threads": 1}, spec={"protocol.epochs": 5})
    return tmp_path


def test_what_is_kept_of_a_run(out: Path) -> None:
    data, left_out = details(collect(out))
    gpm, ness = data["runs"].values()
    assert left_out == []
    assert ness["matrix"] == [HAND]
    assert ness["layers"]["Rank"] == {"fc1": [None, 7, 7]}
    assert ness["layers"]["Interference"]["fc1"] == [0.0123, 0.0123, 0.0123]
    assert "Best epoch" not in ness["costs"]
    assert gpm["spec"]["protocol.epochs"] == "5"
    assert data["environments"] == [{"host": "a", "threads": "1"}]
    assert ness["environment"] == gpm["environment"] == 0


def test_too_many_runs_lose_the_largest_parts_first(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = collect(out)
    data, _ = details(collection)
    monkeypatch.setattr(module, "ROOM", len(as_json(data)) - 1)
    smaller, left_out = details(collection)
    assert left_out == ["ranks and interference of each layer"]
    assert all("layers" not in run and "matrix" in run for run in smaller["runs"].values())
    monkeypatch.setattr(module, "ROOM", 10)
    assert details(collection) == ({"runs": {}}, ["everything but their row in this table"])


def test_of_very_many_runs_nothing_is_read(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    assert details(collect(out))[0] == {"runs": {}}


def test_json_holds_no_markup_and_says_the_same() -> None:
    data = {"a": "</script><!-- & \u2028", "b": [1.5, None]}
    text = as_json(data)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!-- & \\u2028", "b": [1.5, None]}
