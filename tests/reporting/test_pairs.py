"""Runs paired by their seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted, square

from benchmarks.integrity import id_of
from benchmarks.reporting.collect import collect
from benchmarks.reporting.pairs import by_seeds, differences, keeps_apart, questions

STREAM = "split_digits/til"
SAME = {"class_order_seed": 0}


def test_only_runs_with_the_same_seeds_are_pairs(make: MakeRecord, tmp_path: Path) -> None:
    for seed, shift in ((1, 0.0), (2, 1.0), (3, 5.0)):
        make("ness", seed, shifted(HAND, shift), spec=SAME)
    make("gpm", 2, shifted(HAND, 4), spec=SAME)
    make("gpm", 1, shifted(HAND, 2), spec=SAME)
    make("gpm", 4, spec=SAME)
    make("gpm", 3, spec=SAME | {"init_seed": 9})
    acc = by_seeds(collect(tmp_path), STREAM, ["acc"])["acc"]
    assert {trial.seeds: value for trial, value in acc["ness"].items()} == {
        (1, 1, 1, 0): 78,
        (2, 2, 2, 0): 79,
        (3, 3, 3, 0): 83,
    }
    assert differences(acc["ness"], acc["gpm"]) == [-2, -3]
    assert differences(acc["gpm"], acc["ness"]) == [2, 3]


def test_runs_without_the_number_are_in_no_pair(make: MakeRecord, tmp_path: Path) -> None:
    make("joint", 1, JOINT, spec=SAME)
    make("gpm", 1, CUT_OFF, status="failed", error="x", spec=SAME)
    make("lora", 1, CUT_OFF, status="diverged", error="x", spec=SAME)
    found = by_seeds(collect(tmp_path), STREAM, ["acc", "bwt"])
    assert found["bwt"] == {}
    assert list(found["acc"]) == ["joint"]
    assert list(found["acc"]["joint"].values()) == [pytest.approx(97)]


def test_a_seed_that_a_spec_lacks_is_one_seed(make: MakeRecord, tmp_path: Path) -> None:
    make("naive", 1, spec=SAME)
    for strategy in ("ness", "gpm"):
        record = make(strategy, 1, spec=SAME)
        (stored,) = tmp_path.glob(f"runs/**/*{record.id}*.json")
        stored.unlink()
        spec = {key: value for key, value in record.spec.items() if key != "data_seed"}
        record.model_copy(update={"spec": spec, "id": id_of(spec)}).write(tmp_path)
    acc = by_seeds(collect(tmp_path), STREAM, ["acc"])["acc"]
    assert [trial.seeds for trial in acc["ness"]] == [(1, 1, None, 0)]
    assert differences(acc["ness"], acc["gpm"]) == [0]
    assert differences(acc["ness"], acc["naive"]) == []


def test_runs_on_other_images_or_tasks_are_no_pairs(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", 1, spec=SAME, described={"data_hash": "a" * 64})
    make("gpm", 1, spec=SAME, described={"data_hash": "b" * 64})
    make("ewc", 1, spec=SAME | {"evaluate_on": "valid"}, described={"data_hash": "a" * 64})
    make("lora", 1, square(80, tasks=2), spec=SAME, described={"data_hash": "a" * 64})
    make("sgp", 1, spec=SAME | {"evaluate_on": "test"}, described={"data_hash": "a" * 64})
    make("owm", 2, spec=SAME, described={"data_hash": "b" * 64})
    collection = collect(tmp_path)
    acc = {
        label.partition(" ")[0]: values
        for label, values in by_seeds(collection, STREAM, ["acc"])["acc"].items()
    }
    found = {
        other: (differences(acc["ness"], acc[other]), keeps_apart(acc["ness"], acc[other]))
        for other in ("gpm", "ewc", "lora", "sgp", "owm")
    }
    assert found == {
        "gpm": ([], "other images"),
        "ewc": ([], "other images"),
        "lora": ([], "other tasks"),
        "sgp": ([0], ""),
        "owm": ([], ""),
    }
    apart = {
        label.partition(" ")[0]: question
        for label, question in questions(collection, STREAM).items()
    }
    assert apart["ness"] == apart["sgp"]
    assert len(set(apart.values())) == 4
    assert apart["gpm"] == apart["owm"]


def test_a_failed_run_is_in_no_pair_even_with_all_its_accuracies(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("ness", 1, HAND, spec=SAME)
    make("gpm", 1, HAND, status="failed", error="x", spec=SAME)
    assert set(by_seeds(collect(tmp_path), STREAM, ["acc"])["acc"]) == {"ness"}
