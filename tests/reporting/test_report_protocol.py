from __future__ import annotations

from pathlib import Path

from reporting_records import MakeRecord

from benchmarks.reporting.collect import collect
from benchmarks.reporting.html import protocol

STREAM = "split_digits/til"


def test_what_all_share_and_what_each_has(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", 0, spec={"strategy_args.eps": 0.1})
    make("ness", 1, spec={"strategy_args.eps": 0.1})
    make("gpm", 0, spec={"protocol.epochs": 5})
    collection = collect(tmp_path)
    shared = protocol.shared_settings(collection, STREAM)
    assert shared["optimizer.lr"] == "0.05"
    assert not {"seed", "strategy", "protocol.epochs", "strategy_args.eps"} & shared.keys()
    assert protocol.own_settings(collection, STREAM) == [
        ("gpm", "protocol.epochs = 5"),
        ("ness", "protocol.epochs = 30, eps = 0.1"),
    ]


def test_a_key_at_what_its_absence_means_is_shared(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", spec={"protocol.keep": "best"})
    make("gpm")
    assert protocol.shared_settings(collect(tmp_path), STREAM)["protocol.keep"] == "best"


def test_environments_code_and_versions(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", environment={"host": "a", "torch": "2.0", "git_commit": "f" * 40, "gpu": None})
    make(
        "gpm", environment={"host": "b", "torch": "2.0", "git_dirty": True, "moves": [{"task": 2}]}
    )
    collection = collect(tmp_path)
    assert dict(protocol.environments(collection)) == {
        "host": [("a", 1), ("b", 1)],
        "torch": [("2.0", 2)],
        "git_commit": [("f" * 40, 1)],
        "git_dirty": [("true", 1)],
        "gpu": [("none", 1)],
    }
    assert protocol.code(collection) == (["f" * 12], 1)
    assert protocol.versions(collection) == ["torch 2.0"]
    assert protocol.moved(collection) == 1
