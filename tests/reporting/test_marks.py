"""What stands out in a column: best, second best, within the noise of the best."""

from __future__ import annotations

from pathlib import Path

from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.reporting.cells import Cell
from benchmarks.reporting.collect import collect
from benchmarks.reporting.summary import summary_table
from benchmarks.reporting.tables import write_tables

STREAM = "split_digits/til"
SAME = {"class_order_seed": 0}


def table(out: Path) -> tuple[dict[str, Cell], str]:
    """The cells of ACC by label, and the notes."""
    made = summary_table(collect(out), STREAM)
    return {row.label: row.cells["acc"] for row in made.rows}, "\n".join(made.notes)


def test_worked_example(make: MakeRecord, tmp_path: Path) -> None:
    # The best is ness. ness - gpm is 1, 2, 3 over the seeds: 2 +- 4.303 / sqrt 3 = 2 +- 2.48, so
    # its noise hides the difference; ness - lora is 3, 3, 4: 3.33 +- 4.303 * 0.577 / sqrt 3 = 3.33
    # +- 1.43, so it does not. As unpaired values gpm spreads less than lora.
    for seed, (ness, gpm, lora) in enumerate([(0, 1, 3), (1, 2, 3), (2, 3, 4)]):
        make("ness", seed, shifted(HAND, ness), spec=SAME)
        make("gpm", seed, shifted(HAND, ness - gpm), spec=SAME)
        make("lora", seed, shifted(HAND, ness - lora), spec=SAME)
    cells, notes = table(tmp_path)
    assert {label: (cell.mark, cell.is_within_noise) for label, cell in cells.items()} == {
        "gpm": ("second", True),
        "lora": ("", False),
        "ness": ("best", False),
    }
    assert (
        "†: within the noise of the best: the 95 % interval of the mean difference to it, over the "
        "seeds of both (Student's t), includes 0 (not a test)."
    ) in notes


def test_seeds_decide_what_is_a_pair(make: MakeRecord, tmp_path: Path) -> None:
    # By the same seed 5 better each time; by the order of the rows up to 15 worse.
    for seed, shift in ((1, -20.0), (2, -10.0), (3, 0.0)):
        make("ness", seed, shifted(HAND, shift), spec=SAME)
        make("gpm", seed, shifted(HAND, shift - 5 + seed / 100), spec=SAME)
    assert table(tmp_path)[0]["gpm"].is_within_noise is False


def test_upper_bounds_and_costs_are_not_marked(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (1, 2):
        for strategy, shift in (("ness", 0.0), ("gpm", 0.1 * seed), ("cumulative", 0.3 - seed)):
            make(strategy, seed, shifted(HAND, shift), spec=SAME)
        make("joint", seed, shifted(JOINT, seed), spec=SAME)
    made = summary_table(collect(tmp_path), STREAM)
    marked = {row.label for row in made.rows for c in row.cells.values() if c.is_within_noise}
    assert marked == {"ness"}
    assert not any(row.cells["seconds"].mark for row in made.rows)


def test_one_run_a_method_is_no_noise(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", 1, spec=SAME)
    make("gpm", 1, shifted(HAND, -0.1), spec=SAME)
    cells, notes = table(tmp_path)
    assert not any(cell.is_within_noise for cell in cells.values())
    assert "Nothing can be marked as within the noise of the best: that takes 2 seeds" in notes
    assert "†" not in notes


def test_methods_of_other_seeds_are_named(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (1, 2):
        make("ness", seed, spec=SAME)
        make("gpm", seed, shifted(HAND, -seed), spec=SAME)
        make("lora", seed + 1, shifted(HAND, -1), spec=SAME)
    cells, notes = table(tmp_path)
    assert cells["gpm"].is_within_noise
    assert not cells["lora"].is_within_noise
    assert "Never † in a column whose best shares fewer than 2 seeds with it: lora." in notes


def test_of_several_best_the_noise_of_any_counts(make: MakeRecord, tmp_path: Path) -> None:
    # Both means are 78; ewc is 1 below ness each time, but below gpm by 3 and -1.
    for seed, swing in ((1, 1.0), (2, -1.0)):
        make("ness", seed, HAND, spec=SAME)
        make("gpm", seed, shifted(HAND, 2 * swing), spec=SAME)
        make("ewc", seed, shifted(HAND, -1), spec=SAME)
    cells, _ = table(tmp_path)
    assert (cells["ness"].mark, cells["gpm"].mark, cells["ewc"].mark) == ("best", "best", "second")
    assert cells["ewc"].is_within_noise


def test_each_set_of_images_has_marks_of_its_own(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (1, 2):
        for strategy, shift in (("ness", 0.0), ("gpm", -1 + seed / 2)):
            make(strategy, seed, shifted(HAND, shift), spec=SAME, described={"data_hash": "a" * 64})
        make("ewc", seed, shifted(HAND, 5), spec=SAME, described={"data_hash": "b" * 64})
    cells, notes = table(tmp_path)
    marks = {name.partition(" ")[0]: (c.mark, c.is_within_noise) for name, c in cells.items()}
    # gpm is 0.5 below ness, then as good: t(0.975, 1) makes that noise.
    assert marks == {"ness": ("best", False), "gpm": ("second", True), "ewc": ("", False)}
    assert "Rows on different images, or over different numbers of tasks: marked apart." in notes


def test_nothing_is_marked_where_no_two_rows_compete(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (1, 2):
        make("ness", seed, spec=SAME)
        make("gpm", seed, shifted(HAND, -1), spec=SAME | {"evaluate_on": "valid"})
    cells, notes = table(tmp_path)
    assert not any(cell.mark or cell.is_within_noise for cell in cells.values())
    assert "Bold" not in notes


def test_a_method_is_not_ranked_by_the_seeds_it_survived(make: MakeRecord, tmp_path: Path) -> None:
    # gpm finished on the two easy seeds alone, and is below ness on both.
    for seed in range(5):
        make("ness", seed, shifted(HAND, seed), spec=SAME)
        make("ewc", seed, shifted(HAND, seed - 9), spec=SAME)
    for seed in (3, 4):
        make("gpm", seed, shifted(HAND, seed - 0.5), spec=SAME)
    for seed in (0, 1):
        make("gpm", seed, CUT_OFF, status="failed", error="out of memory", spec=SAME)
    make("gpm", 2, CUT_OFF, status="diverged", error="NaN", spec=SAME)
    cells, notes = table(tmp_path)
    assert cells["gpm"].text > cells["ness"].text
    assert [cells[name].mark for name in ("ness", "ewc", "gpm")] == ["best", "second", ""]
    assert not cells["gpm"].is_within_noise
    said = "gpm: mean over 2 of 5 seeds, 2 failed, 1 diverged: not ranked."
    assert said in notes
    assert write_tables(tmp_path).headline.endswith(f"\n\n{said}")


def test_a_folder_that_is_being_filled_keeps_its_marks(make: MakeRecord, tmp_path: Path) -> None:
    for seed in range(3):
        make("ness", seed, spec=SAME)
    make("gpm", 2, shifted(HAND, 1), spec=SAME)
    cells, notes = table(tmp_path)
    assert (cells["gpm"].mark, cells["ness"].mark) == ("best", "second")
    assert "The methods have different seeds: seed 2 (gpm); seeds 0, 1, 2 (ness)." in notes
    assert "not ranked" not in notes
