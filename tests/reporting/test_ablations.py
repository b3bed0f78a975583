"""Which settings were varied, and what is drawn of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, MakeRecord

from benchmarks.errors import BadInput
from benchmarks.reporting.collect import collect
from benchmarks.reporting.figures.ablations import MOST_REFERENCES, ablations, varied_key

STREAM = "split_digits/til"
EPS = "strategy_args.eps"


def args(**values: object) -> dict[str, object]:
    return {"strategy_args": values}


def test_a_key_with_three_values_is_a_curve_beside_the_methods_without_it(
    make: MakeRecord, tmp_path: Path
) -> None:
    for eps in (0.1, 0.001, 0.01):
        for seed in (0, 1):
            make(seed=seed, spec=args(eps=eps, rule="nuclear"))
    make("naive")
    make("gpm", spec=args(threshold=0.9))
    (found,) = ablations(collect(tmp_path), STREAM)
    assert found.key == EPS
    assert list(found.curves) == ["ness"]
    assert {value: len(runs) for value, runs in found.curves["ness"].items()} == {
        0.001: 2,
        0.01: 2,
        0.1: 2,
    }
    assert list(found.references) == ["naive", "gpm"]


def test_other_settings_that_vary_too_give_a_curve_each(make: MakeRecord, tmp_path: Path) -> None:
    for eps in (0.001, 0.01, 0.1):
        for rule in ("nuclear", "frobenius"):
            make(spec=args(eps=eps, rule=rule))
    make(spec=args(eps=0.5, rule="spectral"))
    (found,) = ablations(collect(tmp_path), STREAM)
    assert list(found.curves) == ["ness [rule=frobenius]", "ness [rule=nuclear]"]
    assert [list(curve) for curve in found.curves.values()] == [[0.001, 0.01, 0.1]] * 2
    assert list(found.references) == [f"ness [{EPS}=0.5, strategy_args.rule=spectral]"]


def test_two_settings_in_step_are_no_curve(make: MakeRecord, tmp_path: Path) -> None:
    for value in (1, 2, 3):
        make(spec=args(eps=value, rank=value))
    assert ablations(collect(tmp_path), STREAM) == []


def test_truth_words_seeds_and_two_values_are_not_drawn_unasked(
    make: MakeRecord, tmp_path: Path
) -> None:
    for seed in (1, 2, 3):
        make("gpm", seed)
    for bias in (True, False):
        make(spec=args(bias=bias, rule="a"))
    for eps in (1, 2):
        make("ness_sam", spec=args(eps=eps))
    collection = collect(tmp_path)
    assert ablations(collection, STREAM) == []
    assert ablations(collection, STREAM, "strategy_args.bias") == []
    (asked,) = ablations(collection, STREAM, EPS)
    assert list(asked.curves) == ["ness_sam"]


def test_a_key_at_its_default_is_where_its_absence_means_it(
    make: MakeRecord, tmp_path: Path
) -> None:
    make(spec=args(eps=1))
    for share in (0.1, 0.5):
        make(spec=args(eps=1, patch_share=share))
    make("naive")
    (found,) = ablations(collect(tmp_path), STREAM)
    assert sorted(found.curves["ness"]) == [0.1, 0.5, 1.0]
    assert list(found.references) == ["naive"]


def test_tasks_and_images_follow_from_the_stream(make: MakeRecord, tmp_path: Path) -> None:
    for tasks in (1, 2, 3):
        matrix = [[50.0] * tasks] * tasks
        made = {"stream_args": {"tasks": tasks}}
        make(matrix=matrix, spec=made, described={"data_hash": f"{tasks}" * 12})
    (found,) = ablations(collect(tmp_path), STREAM)
    assert list(found.curves["ness"]) == [1.0, 2.0, 3.0]


def test_the_same_value_on_other_images_is_never_averaged(make: MakeRecord, tmp_path: Path) -> None:
    for images in ("a", "b"):
        for count in (1, 2, 3):
            make(spec={"stream_args": {"train_per_class": count}}, described={"data_hash": images})
    (found,) = ablations(collect(tmp_path), STREAM)
    assert list(found.curves) == ["ness [data_hash=a]", "ness [data_hash=b]"]
    assert all(len(runs) == 1 for curve in found.curves.values() for runs in curve.values())


def test_references_are_few_and_the_controls_among_them(make: MakeRecord, tmp_path: Path) -> None:
    for eps in (1, 2, 3):
        make(spec=args(eps=eps))
    for number in range(10):
        make(f"a{number}")
    make("naive")
    make("lora", matrix=CUT_OFF, status="failed")
    (found,) = ablations(collect(tmp_path), STREAM)
    assert len(found.references) == MOST_REFERENCES
    assert "naive" in found.references
    assert "lora" not in found.references


@pytest.mark.parametrize("given", ["eps", EPS, "strategy.ness.eps"])
def test_a_key_by_any_of_its_names(make: MakeRecord, tmp_path: Path, given: str) -> None:
    for eps in (1, 2):
        make(spec=args(eps=eps))
    assert varied_key(collect(tmp_path), given) == EPS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("epss", "--over epss: no finished run has this key; did you mean 'eps'?"),
        ("rule", "--over rule: its values are no numbers (a, b); known: eps"),
        ("protocol.epochs", "--over protocol.epochs: a curve needs two values, all have 30; "),
    ],
)
def test_other_keys_are_bad_input(
    make: MakeRecord, tmp_path: Path, given: str, message: str
) -> None:
    for eps, rule in ((1, "a"), (2, "b")):
        make(spec=args(eps=eps, rule=rule))
    with pytest.raises(BadInput) as fault:
        varied_key(collect(tmp_path), given)
    assert str(fault.value).startswith(message)


def test_every_strategy_is_a_reference_before_the_second_setting_of_one(
    make: MakeRecord, tmp_path: Path
) -> None:
    for eps in (1, 2, 3):
        make(spec=args(eps=eps))
    for momentum in range(9):
        make("joint", spec={"optimizer.momentum": momentum})
    for strategy in ("naive", "frozen", "gpm"):
        make(strategy)
    (found,) = ablations(collect(tmp_path), STREAM, EPS)
    strategies = [records[0].spec["strategy"] for records in found.references.values()]
    assert strategies == ["joint"] * 3 + ["naive", "frozen", "gpm"]
    assert found.undrawn == 6
