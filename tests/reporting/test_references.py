"""Which run of cumulative another run is measured against."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import HAND, MakeRecord, shifted

from benchmarks.reporting.collect import collect
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.references import References

NONE = Undefined("no finished run of cumulative with seed 1 in the same setting")


def test_the_run_with_the_same_seed(make: MakeRecord) -> None:
    found = References(make("cumulative", seed, shifted(HAND, seed)) for seed in (0, 1, 2))
    assert found.cumulative(make("ness", 1)) == shifted(HAND, 1)
    assert found.cumulative(make("gpm", 2)) == shifted(HAND, 2)
    assert found.cumulative(make("ness", 3)) == Undefined(NONE.reason.replace("1", "3"))


@pytest.mark.parametrize(
    "other",
    [
        {"stream": "split_digits/cil"},
        {"spec": {"stream_args.tasks": 3}},
        {"spec": {"class_order": [2, 1, 0]}},
        {"spec": {"backbone": "lenet"}},
        {"spec": {"backbone_args": {"hidden": [8]}}},
        {"spec": {"protocol.eval_batch_size": 16}},
        {"spec": {"evaluate_on": "valid"}},
        {"spec": {"precision": "bf16"}},
        {"spec": {"data_seed": 7}},
        {"described": {"data_hash": "other"}},
        {"status": "failed"},
        {"status": "diverged"},
        {"matrix": [[90.0, None], [95.0, 92.0]]},
    ],
    ids=str,
)
def test_no_run_of_another_setting(make: MakeRecord, other: dict[str, object]) -> None:
    found = References([make("cumulative", 1, **other), make("joint", 1), make("naive", 1)])
    assert found.cumulative(make("ness", 1)) == NONE


@pytest.mark.parametrize(
    "spec",
    [
        {"optimizer.lr": 0.5},
        {"protocol.epochs": 3},
        {"protocol.keep": "last"},
        {"protocol.track_old_tasks": True},
        {"protocol.keep": "best", "backbone_args": {"fast_dropout": False}},
        {"strategy_args.eps": 1e-3},
    ],
    ids=str,
)
def test_methods_choose_their_optimiser_and_schedule(
    make: MakeRecord, spec: dict[str, object]
) -> None:
    found = References([make("cumulative", 1, shifted(HAND, 1))])
    assert found.cumulative(make("ness", 1, spec=spec)) == shifted(HAND, 1)


def test_the_seed_of_the_class_order_counts_where_the_order_is_drawn(make: MakeRecord) -> None:
    drawn, other = ({"class_order": "per_seed", "class_order_seed": seed} for seed in (1, 2))
    found = References([make("cumulative", 1, spec=drawn)])
    assert found.cumulative(make("ness", 1, spec=drawn)) == HAND
    assert found.cumulative(make("ness", 1, spec=other)) == NONE


def test_of_several_the_one_with_the_same_optimiser_and_schedule(make: MakeRecord) -> None:
    fast, slow = ({"optimizer.lr": lr} for lr in (0.5, 0.1))
    found = References(
        [
            make("cumulative", 1, shifted(HAND, 1), spec=fast),
            make("cumulative", 1, shifted(HAND, 2), spec=slow),
        ]
    )
    assert found.cumulative(make("ness", 1, spec=fast)) == shifted(HAND, 1)
    assert found.cumulative(make("gpm", 1, spec=slow)) == shifted(HAND, 2)
    value = found.cumulative(make("lora", 1))
    assert isinstance(value, Undefined)
    assert value.reason.startswith("more than one finished run of cumulative with seed 1")


def test_runs_with_the_same_numbers_are_one_reference(make: MakeRecord) -> None:
    found = References(
        [make("cumulative", 1), make("cumulative", 1, spec={"protocol.track_old_tasks": True})]
    )
    assert found.cumulative(make("ness", 1)) == HAND


def test_the_runs_of_a_folder_are_held_against_its_own_reference(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("cumulative", 1, shifted(HAND, 5))
    for seed in (1, 2):
        make("ness", seed)
    runs = collect(tmp_path).runs
    found = runs.set_index(["strategy", "seed"])
    assert found.loc[("ness", 1), "intransigence"] == 5
    assert runs["intransigence"].isna().sum() == 2
    assert "run of cumulative with seed 2" in found.loc[("ness", 2), "undefined"]
    assert "cumulative is the reference" in found.loc[("cumulative", 1), "undefined"]
