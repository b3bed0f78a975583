"""Runs paired by their seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.integrity import id_of
from benchmarks.reporting.collect import collect
from benchmarks.reporting.pairs import by_seeds, differences

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
    assert acc["ness"] == {(1, 1, 1, 0): 78, (2, 2, 2, 0): 79, (3, 3, 3, 0): 83}
    assert differences(acc["ness"], acc["gpm"]) == [-2, -3]
    assert differences(acc["gpm"], acc["ness"]) == [2, 3]


def test_runs_without_the_number_are_in_no_pair(make: MakeRecord, tmp_path: Path) -> None:
    make("joint", 1, JOINT, spec=SAME)
    make("gpm", 1, CUT_OFF, status="failed", error="x", spec=SAME)
    make("lora", 1, CUT_OFF, status="diverged", error="x", spec=SAME)
    found = by_seeds(collect(tmp_path), STREAM, ["acc", "bwt"])
    assert found == {"acc": {"joint": {(1, 1, 1, 0): pytest.approx(97)}}, "bwt": {}}


def test_a_seed_that_a_spec_lacks_is_one_seed(make: MakeRecord, tmp_path: Path) -> None:
    make("naive", 1, spec=SAME)
    for strategy in ("ness", "gpm"):
        record = make(strategy, 1, spec=SAME)
        (stored,) = tmp_path.glob(f"runs/**/*{record.id}*.json")
        stored.unlink()
        spec = {key: value for key, value in record.spec.items() if key != "data_seed"}
        record.model_copy(update={"spec": spec, "id": id_of(spec)}).write(tmp_path)
    acc = by_seeds(collect(tmp_path), STREAM, ["acc"])["acc"]
    assert acc["ness"] == {(1, 1, None, 0): 78}
    assert differences(acc["ness"], acc["gpm"]) == [0]
    assert differences(acc["ness"], acc["naive"]) == []
