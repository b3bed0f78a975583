"""Verdicts, on numbers that can be checked with a pencil."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, MakeRecord, made_as, square

from benchmarks.reporting.collect import collect
from benchmarks.reporting.comparability import settings
from benchmarks.reporting.comparison import Comparison, compare
from benchmarks.reporting.published import Published, read_published
from benchmarks.reporting.published_entries import Protocol, Value
from benchmarks.reporting.stats import difference_half_width

STREAM = "split_digits/til"
PROTOCOL = Protocol(spec={"protocol.epochs": 30, "stream.tasks": 10})


def published(protocol: Protocol = PROTOCOL, **changes: object) -> Published:
    """One value of gpm, ACC 80 unless changed."""
    value = {
        "strategy": "gpm",
        "stream": STREAM,
        "kind": "reported",
        "source": "a paper",
        "protocol": "paper",
        "acc": 80.0,
    }
    return Published((Value.model_validate(value | changes),), {"paper": protocol}, 2.0)


def only(out: Path, values: Published) -> Comparison:
    (comparison,) = compare(collect(out), STREAM, values)
    return comparison


@pytest.mark.parametrize(
    ("acc", "verdict"),
    [(80, "within"), (82, "within"), (78, "within"), (82.01, "off"), (77.99, "off"), (100, "off")],
)
def test_too_high_is_off_as_well_as_too_low(
    make: MakeRecord, tmp_path: Path, acc: float, verdict: str
) -> None:
    make("gpm", matrix=square(acc))
    comparison = only(tmp_path, published())
    assert comparison.verdict == verdict
    assert comparison.difference("acc") == pytest.approx(acc - 80)


@pytest.mark.parametrize(("bwt", "verdict"), [(-3, "within"), (-3.01, "off"), (1.5, "off")])
def test_bwt_is_judged_too(make: MakeRecord, tmp_path: Path, bwt: float, verdict: str) -> None:
    make("gpm", matrix=square(80, bwt))
    assert only(tmp_path, published(bwt=-1.0)).verdict == verdict


def test_a_bwt_that_is_not_published_or_not_measured_is_not_judged(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("gpm", matrix=square(80, -19))
    assert only(tmp_path, published()).verdict == "within"
    make("joint", matrix=[[None, None], [80.0, 80.0]])
    comparison = only(tmp_path, published(Protocol(), strategy="joint", bwt=-1.0))
    assert (comparison.verdict, comparison.difference("bwt")) == ("within", None)


def three_runs(make: MakeRecord, mean: float) -> None:
    for seed, shift in enumerate((-3, 0, 3)):
        make("gpm", seed, square(mean + shift))


def test_the_spread_of_three_runs_on_both_sides_widens_what_is_within(
    make: MakeRecord, tmp_path: Path
) -> None:
    three_runs(make, 86.5)
    # Both std 3 and n = 3: t(0.975, 4) = 2.776 times sqrt(3 + 3).
    comparison = only(tmp_path, published(acc_std=3.0, n=3))
    assert comparison.half_width("acc") == pytest.approx(2.7764 * 6**0.5, abs=1e-3)
    assert comparison.verdict == "within"
    for changes in ({}, {"n": 3}, {"acc_std": 3.0}, {"acc_std": 3.0, "n": 2}):
        assert only(tmp_path, published(**changes)).verdict == "off"
    assert only(tmp_path, published(acc=79.5, acc_std=3.0, n=3)).verdict == "off"


def test_two_runs_here_are_too_few_for_an_interval(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", 0, square(80))
    make("gpm", 1, square(90))
    comparison = only(tmp_path, published(acc_std=3.0, n=9))
    assert (comparison.half_width("acc"), comparison.verdict) == (None, "off")


def test_a_tolerance_of_the_value_is_its_own(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", matrix=square(85))
    assert only(tmp_path, published(tolerance=5.0)).verdict == "within"


def test_settings_that_differ_forbid_a_comparison_and_are_named(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("gpm", matrix=square(80), described={"samples": [[90, 10, 50]] * 10})
    protocol = Protocol(
        spec={
            "protocol.epochs": 200,
            "optimizer.momentum": 0.0,
            "optimizer.lr": 0.05,
            "strategy_args.threshold": 0.97,
            "stream.tasks": 10,
            "stream.samples_per_task": [4750, 250, 1000],
        }
    )
    comparison = only(tmp_path, published(protocol))
    assert comparison.verdict == "not comparable"
    (obstacle,) = comparison.obstacles
    assert obstacle.removeprefix("differs: ").split("; ") == [
        "optimizer.momentum: 0.9 here, 0 there",
        "protocol.epochs: 30 here, 200 there",
        "strategy_args.threshold: unset here, 0.97 there",
        "stream.samples_per_task: [90, 10, 50] here, [4750, 250, 1000] there",
    ]


@pytest.mark.parametrize(
    ("protocol", "obstacle"),
    [
        (Protocol(not_comparable="there another net"), "there another net"),
        (Protocol(unknown=("optimizer.lr", "protocol")), "not known there: optimizer.lr, protocol"),
    ],
)
def test_what_no_setting_can_mend_forbids_a_comparison(
    make: MakeRecord, tmp_path: Path, protocol: Protocol, obstacle: str
) -> None:
    make("gpm", matrix=square(80))
    comparison = only(tmp_path, published(protocol))
    assert (comparison.verdict, comparison.obstacles) == ("not comparable", (obstacle,))


def test_whole_numbers_and_later_keys_compare_by_what_they_mean(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("gpm", matrix=square(80), spec={"protocol.factor": 2})
    protocol = Protocol(spec={"protocol.factor": 2.0, "protocol.keep": "best"})
    assert only(tmp_path, published(protocol)).obstacles == ()


def test_settings_of_uneven_tasks_are_lists_and_unrecorded_ones_absent(make: MakeRecord) -> None:
    samples = [[9, 1, 3], [8, 1, 3], [9, 1, 3]]
    found = settings(make(described={"samples": samples}))
    assert found["stream.samples_per_task"] == samples
    assert found["stream.tasks"] == 3
    assert "stream.classes_per_task" not in found


def test_methods_without_a_finished_run_have_no_runs(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", matrix=CUT_OFF, status="failed", error="KeyError")
    make("naive")
    comparison = only(tmp_path, published())
    assert (comparison.verdict, comparison.label) == ("no runs", "gpm")


def test_every_spec_of_a_method_is_compared_by_itself(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", matrix=square(80))
    make("gpm", matrix=square(80), spec={"protocol.epochs": 3})
    found = compare(collect(tmp_path), STREAM, published())
    assert {c.label: c.verdict for c in found} == {
        "gpm [protocol.epochs=3]": "not comparable",
        "gpm [protocol.epochs=30]": "within",
    }


@pytest.mark.parametrize(
    ("name", "acc", "verdict"),
    [
        ("gpm_cifar100", 72.48, "within"),
        ("gpm_cifar100", 75.0, "off"),
        ("trgp_cifar100", 74.5, "within"),
        ("dfgp_cifar100", 72.0, "off"),
    ],
)
def test_a_run_as_in_the_paper_is_comparable_with_it(
    make: MakeRecord, tmp_path: Path, name: str, acc: float, verdict: str
) -> None:
    shipped = read_published()
    strategy, stream = name.partition("_")[0], "split_cifar100/til"
    make(strategy, matrix=square(acc), stream=stream, **made_as(shipped.protocols[name]))
    verdicts = [
        c.verdict for c in compare(collect(tmp_path), stream, shipped) if c.value.protocol == name
    ]
    assert set(verdicts) == {verdict}


def test_half_width_of_a_difference() -> None:
    # Equal spreads: df = 4, t = 2.776; equal values: no width.
    assert difference_half_width(1.0, 3, 1.0, 3) == pytest.approx(2.7764 * (2 / 3) ** 0.5, abs=1e-3)
    assert difference_half_width(0.0, 3, 0.0, 3) == 0
    # All the spread on one side: that side's own Student interval, t(0.975, 1) = 12.706.
    assert difference_half_width(1.0, 2, 0.0, 9) == pytest.approx(12.706 / 2**0.5, abs=1e-2)
    with pytest.raises(ValueError, match="two values"):
        difference_half_width(1.0, 1, 1.0, 3)
