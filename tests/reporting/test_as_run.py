"""Runs that were computed otherwise than others of their spec are no repetitions of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reporting_records import MakeRecord, made_as

from benchmarks.reporting.as_run import as_run, fallbacks
from benchmarks.reporting.collect import collect
from benchmarks.reporting.comparability import obstacles
from benchmarks.reporting.published_entries import Protocol
from benchmarks.reporting.tables import write_tables


def moved(**changed: Any) -> dict[str, Any]:
    return {"moves": [{"task": 2, **changed}]}


@pytest.mark.parametrize(
    ("spec", "environment", "expected"),
    [
        ({}, {}, {}),
        ({"precision": "bf16"}, {"precision": "bf16"}, {}),
        ({"precision": "auto"}, {"precision": "bf16"}, {"environment.precision": "bf16"}),
        (
            {"precision": "auto"},
            {"precision": "bf16", **moved(precision="fp32")},
            {"environment.precision": "bf16+fp32"},
        ),
        (
            {"precision": "auto"},
            {"precision": "bf16", "moves": None},
            {"environment.precision": "bf16"},
        ),
        (
            {"precision": "auto"},
            {"precision": "bf16", "moves": [1]},
            {"environment.precision": "bf16"},
        ),
        ({"compile": True}, {"compile": "used"}, {"environment.compile": "used"}),
        ({"compile": True}, {"compile": "eager: Error: no"}, {"environment.compile": "eager"}),
        (
            {"compile": True},
            {"compile": "used", **moved(host="b", compile="eager: Error: no")},
            {"environment.compile": "used+eager"},
        ),
    ],
)
def test_what_a_spec_leaves_open_is_read_from_where_it_ran(
    make: MakeRecord, spec: dict[str, Any], environment: dict[str, Any], expected: dict[str, str]
) -> None:
    assert as_run(make(spec=spec, environment=environment)) == expected


def test_runs_that_resolved_differently_are_not_averaged(make: MakeRecord, tmp_path: Path) -> None:
    for seed, became in enumerate(("bf16", "bf16", "fp32"), start=1):
        make("ness", seed, spec={"precision": "auto"}, environment={"precision": became})
    labels = collect(tmp_path).runs["label"]
    assert list(labels.groupby(labels).size().items()) == [
        ("ness [environment.precision=bf16]", 2),
        ("ness [environment.precision=fp32]", 1),
    ]


def test_methods_that_resolved_differently_are_named_under_the_table(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("ness", 1, spec={"precision": "auto"}, environment={"precision": "bf16"})
    make("gpm", 1, spec={"precision": "auto"}, environment={"precision": "fp32"})
    write_tables(tmp_path)
    text = (tmp_path / "tables/split_digits-til.md").read_text()
    assert "environment.precision = fp32 (gpm); bf16 (ness)" in text


def test_runs_that_fell_back_are_counted_under_the_table(make: MakeRecord, tmp_path: Path) -> None:
    why = "eager: BackendCompilerFailed: no C++ compiler"
    records = [
        make("ness", 1, spec={"compile": True}, environment={"compile": why}),
        make("ness", 2, spec={"compile": True}, environment={"compile": why}),
        make("gpm", 1, spec={"compile": True}, environment={"compile": "used"}),
        make("gpm", 2),
    ]
    note = (
        "torch.compile fell back to the plain net in 2 of 3 runs: "
        "BackendCompilerFailed: no C++ compiler"
    )
    assert fallbacks(records) == [note]
    assert fallbacks(records[2:]) == []
    write_tables(tmp_path)
    assert note in (tmp_path / "tables/split_digits-til.md").read_text()


@pytest.mark.parametrize(
    ("asked", "became", "held_against"),
    [("fp32", "fp32", True), ("auto", "fp32", True), ("auto", "bf16", False), ("bf16", "", False)],
)
def test_a_number_got_in_float32_is_no_match_for_a_run_in_another(
    make: MakeRecord, asked: str, became: str, held_against: bool
) -> None:
    protocol = Protocol(
        spec={
            "backbone": "alexnet",
            "stream.classes_per_task": 10,
            "stream.samples_per_task": [1, 1, 1],
        }
    )
    run = made_as(protocol, tasks=3)
    run["spec"]["precision"] = asked
    found = obstacles(protocol, make(**run, environment={"precision": became}))
    assert found == ([] if held_against else ["differs: precision: bf16 here, not known there"])
