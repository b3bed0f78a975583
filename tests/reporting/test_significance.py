"""Paired tests of one method against the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.reporting.collect import collect
from benchmarks.reporting.significance import PairedTest, Significance, significance_table

STREAM = "split_digits/til"
SAME = {"class_order_seed": 0}


def of(significance: Significance, metric: str) -> dict[str, PairedTest]:
    (family,) = [f for f in significance.families if f.metric == metric]
    return {test.label: test for test in family.tests}


def test_worked_example(make: MakeRecord, tmp_path: Path) -> None:
    # ness - gpm: 1, 2, 3: mean 2, std 1, of 8 flips 2 as large. ness - lora: 1, 1, -1: mean
    # 1/3, sums 3, 1, 1, 1 with either sign: 1 is reached by all 8.
    for seed, (gpm, lora) in enumerate([(1, 1), (2, 1), (3, -1)]):
        make("ness", seed, HAND, spec=SAME)
        make("gpm", seed, shifted(HAND, -gpm), spec=SAME)
        make("lora", seed, shifted(HAND, -lora), spec=SAME)
    tests = of(significance_table(collect(tmp_path), STREAM), "acc")
    assert list(tests) == ["gpm", "lora"]
    gpm, lora = tests.values()
    assert (gpm.n, gpm.p, gpm.p_holm) == (3, 0.25, 0.5)
    assert (lora.n, lora.p, lora.p_holm) == (3, 1, 1)
    assert gpm.difference is not None
    assert gpm.difference.mean == pytest.approx(2)
    # t(0.975, 2) = 4.303; 4.303 / sqrt 3 = 2.484.
    assert gpm.difference.interval == pytest.approx((-0.484, 4.484), abs=1e-3)
    assert not gpm.is_significant
    assert not gpm.can_be_significant


def test_too_few_pairs_are_told_by_number(make: MakeRecord, tmp_path: Path) -> None:
    for seed in range(3):
        make("ness", seed, HAND, spec=SAME)
        for strategy in ("naive", "agem", "ewc", "gpm", "lora", "sgp"):
            make(strategy, seed, shifted(HAND, -50), spec=SAME)
    table = significance_table(collect(tmp_path), STREAM)
    assert not any(test.is_significant for family in table.families for test in family.tests)
    assert table.families[0].notes[0] == (
        "ACC, 3 pairs: the smallest p an exact test can give is 0.250; Holm's correction over 6 "
        "comparisons asks for at least 8 pairs, so no difference can be significant at 0.05."
    )


def test_enough_pairs_can_be_significant(make: MakeRecord, tmp_path: Path) -> None:
    for seed in range(8):
        make("ness", seed, shifted(HAND, seed / 10), spec=SAME)
        make("gpm", seed, shifted(HAND, -1), spec=SAME)
        if seed < 6:
            make("lora", seed, shifted(HAND, -1), spec=SAME)
        if seed < 2:
            make("owm", seed, shifted(HAND, -1), spec=SAME)
    table = significance_table(collect(tmp_path), STREAM)
    gpm, lora, owm = of(table, "acc").values()
    # 2^-7, 2^-5 and 2^-1; times 3, 2 and 1.
    assert (gpm.p, lora.p, owm.p) == (1 / 128, 1 / 32, 1 / 2)
    assert (gpm.p_holm, lora.p_holm, owm.p_holm) == (3 / 128, 2 / 32, 1 / 2)
    assert [test.is_significant for test in (gpm, lora, owm)] == [True, False, False]
    assert [test.can_be_significant for test in (gpm, lora, owm)] == [True, False, False]
    notes = table.families[0].notes
    assert [note.split(":")[0] for note in notes] == ["ACC, 2 pairs", "ACC, 6 pairs"]
    assert all("the 1 difference of so few pairs cannot be" in note for note in notes)
    # BWT is the same in all runs: nothing to tell apart, however many pairs.
    assert {test.p for test in of(table, "bwt").values()} == {1}


def test_every_row_has_a_place_and_only_pairs_are_tested(make: MakeRecord, tmp_path: Path) -> None:
    for seed in range(2):
        make("ness", seed, shifted(HAND, seed), spec=SAME)
        make("joint", seed, JOINT, spec=SAME)
    make("gpm", 0, CUT_OFF, status="failed", error="KeyError: 'x'", spec=SAME)
    make("lora", 7, HAND, spec=SAME)
    make("owm", 0, CUT_OFF, status="diverged", error="NaN", spec=SAME)
    table = significance_table(collect(tmp_path), STREAM)
    labels = ["joint", "gpm: failed (seed 0)", "lora", "owm: diverged (seed 0)"]
    for metric, pairs in (("acc", [2, 0, 0, 0]), ("bwt", [0, 0, 0, 0])):
        tests = of(table, metric)
        assert list(tests) == labels
        assert [test.n for test in tests.values()] == pairs
        assert [test.p is None for test in tests.values()] == [n == 0 for n in pairs]
    assert "comparison asks" in table.families[0].notes[0]
    assert table.families[1].notes == []
    assert "gpm failed (seed 0): KeyError: 'x'" in table.notes


def test_the_reference_can_be_chosen(make: MakeRecord, tmp_path: Path) -> None:
    for strategy, shift in (("ness", 2), ("gpm", 0), ("lora", 1)):
        make(strategy, 0, shifted(HAND, shift), spec=SAME)
    table = significance_table(collect(tmp_path), STREAM, "gpm")
    assert table.reference == "gpm"
    found = {name: test.difference for name, test in of(table, "acc").items()}
    assert {name: round(d.mean, 9) for name, d in found.items() if d} == {"lora": -1, "ness": -2}
    assert table.notes[-1].endswith(f"tables {tmp_path} --reference gpm`.")


def test_nothing_to_test(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    alone = significance_table(collect(tmp_path), STREAM)
    assert (alone.reference, alone.families, alone.notes) == ("ness", [], [])


def test_class_incremental_streams_are_tested_in_task_aware_accuracy_too(
    make: MakeRecord, tmp_path: Path
) -> None:
    for strategy in ("ness", "gpm"):
        make(strategy, stream="split_digits/cil", task_aware=HAND, spec=SAME)
    table = significance_table(collect(tmp_path), "split_digits/cil")
    metrics = [family.metric for family in table.families]
    assert metrics == ["acc", "acc_task_aware", "bwt", "forgetting"]


@pytest.mark.parametrize("pairs", [9, 10])
def test_interval_and_p_may_contradict_each_other_and_it_is_said(
    make: MakeRecord, tmp_path: Path, pairs: int
) -> None:
    for seed in range(pairs):
        make("ness", seed, HAND, spec=SAME)
        make("gpm", seed, shifted(HAND, seed - 8), spec=SAME)
    notes = "\n".join(significance_table(collect(tmp_path), STREAM).notes)
    assert "the interval can exclude 0 where p is large" in notes.lower()
    assert ("Student's t takes the differences to be normal" in notes) is (pairs == 9)
    assert ("BCa's is too short in small samples" in notes) is (pairs == 10)
    assert ("nominal: in small samples it is too short" in notes) is (pairs == 10)
