"""The files of the paired tests."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.cli.app import main
from benchmarks.errors import BadInput
from benchmarks.reporting.tables import write_tables

STEM = "split_digits-til-tests"
SAME = {"class_order_seed": 0}


def written(out: Path, suffix: str) -> str:
    return (out / "tables" / f"{STEM}.{suffix}").read_text()


@pytest.fixture
def eight(make: MakeRecord, tmp_path: Path) -> Path:
    """ness is better than gpm in each of eight pairs; joint has no BWT; lora failed."""
    for seed in range(8):
        make("ness", seed, shifted(HAND, seed / 4), spec=SAME)
        make("gpm", seed, shifted(HAND, -1), spec=SAME)
        make("joint", seed, JOINT, spec=SAME)
    make("lora", 0, CUT_OFF, status="failed", error="KeyError: 'x'", spec=SAME)
    return tmp_path


def test_markdown(eight: Path) -> None:
    write_tables(eight)
    text = written(eight, "md")
    assert text.startswith("# Paired tests of ness: split_digits/til (task-incremental, 3 tasks)")
    acc, bwt, _ = text.split("\n## ")[1:]
    cells = [line.strip("| ").replace(" ", "").split("|") for line in acc.splitlines()]
    # Differences 1, 1.25, ... 2.75: mean 1.875, std 0.6124; 2.365 * 0.6124 / sqrt 8 = 0.512.
    # 2 of 2^8 flips are as large, and of the joint's too: 2 / 256, times 2.
    assert ["gpm", "8", "+1.88", "[1.36,2.39]", "0.008", "0.016<sup>*</sup>"] in cells
    # ness is 97 - 78 - seed / 4 below.
    assert ["joint", "8", "-18.12", "[-18.64,-17.61]", "0.008", "0.016<sup>*</sup>"] in cells
    assert ["lora:failed(seed0)", "nopair", *["—"] * 4] in cells
    cells = [line.strip("| ").replace(" ", "").split("|") for line in bwt.splitlines()]
    assert ["gpm", "8", "+0.00", "[0.00,0.00]", "1.000", "1.000"] in cells
    assert ["joint", "nopair", *["—"] * 4] in cells
    assert "can give" not in text
    assert "- Forgetting: lower is better, so below 0 favours ness." in text
    assert "lora failed (seed 0): KeyError: 'x'" in text


@pytest.mark.parametrize(
    ("spec", "described", "shown"),
    [
        ({}, {"data_hash": "b" * 64}, "no pair (other images)"),
        ({"evaluate_on": "valid"}, {"data_hash": "a" * 64}, "no pair (other images)"),
        ({}, {"data_hash": "a" * 64}, "+21.00"),
    ],
)
def test_no_star_across_images(
    make: MakeRecord,
    tmp_path: Path,
    spec: dict[str, str],
    described: dict[str, str],
    shown: str,
) -> None:
    for seed in range(8):
        make("ness", seed, HAND, spec=SAME, described={"data_hash": "a" * 64})
        make("ewc", seed, shifted(HAND, -21), spec=SAME | spec, described=described)
    write_tables(tmp_path)
    text = written(tmp_path, "md")
    assert shown in text
    assert ("<sup>*</sup>" in text) is (shown == "+21.00")
    assert ("- The runs are on 2 image sets (data_hash a" in text) is (
        described["data_hash"][0] == "b"
    )
    assert shown in written(tmp_path, "tex")


def test_no_star_without_enough_pairs(make: MakeRecord, tmp_path: Path) -> None:
    for seed in range(5):
        make("ness", seed, HAND, spec=SAME)
        make("gpm", seed, shifted(HAND, -50), spec=SAME)
    write_tables(tmp_path)
    assert "<sup>" not in written(tmp_path, "md")
    assert r"\rlap" not in written(tmp_path, "tex")
    for suffix in ("md", "tex"):
        assert "asks for at least 6 pairs" in written(tmp_path, suffix)
    tests = list(csv.DictReader(io.StringIO(written(tmp_path, "csv"))))
    assert {row["significant"] for row in tests} == {"False"}
    assert {row["can_be_significant"] for row in tests} == {"False"}


def test_csv(eight: Path) -> None:
    write_tables(eight)
    tests = list(csv.DictReader(io.StringIO(written(eight, "csv"))))
    assert len(tests) == 3 * 3
    gpm = next(row for row in tests if (row["metric"], row["label"]) == ("acc", "gpm"))
    assert (gpm["reference"], gpm["pairs"], gpm["difference"]) == ("ness", "8", "1.875")
    assert (gpm["p"], gpm["p_holm"], gpm["flips"]) == ("0.0078125", "0.015625", "all")
    assert (gpm["significant"], gpm["ci95_method"]) == ("True", "Student's t")
    failed = next(row for row in tests if row["label"].startswith("lora"))
    assert (failed["pairs"], failed["p"], failed["significant"]) == ("0", "", "")


def test_latex_has_a_table_a_metric(eight: Path) -> None:
    write_tables(eight)
    text = written(eight, "tex")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 3
    assert r"\label{tab:split_digits-til-tests-acc}" in text
    assert r"0.016\rlap{$^{\mathrm{*}}$}" in text


def test_the_reference_is_in_the_command_that_regenerates(make: MakeRecord, tmp_path: Path) -> None:
    for eps in (0.1, 0.2):
        make("ness", spec=SAME | {"strategy_args": {"eps": eps}})
    write_tables(tmp_path, "ness [strategy_args.eps=0.2]")
    command = f"tables {tmp_path} --reference 'ness [strategy_args.eps=0.2]'`."
    for name in ("split_digits-til", "split_digits-til-cost", STEM):
        assert command in (tmp_path / "tables" / f"{name}.md").read_text()
    write_tables(tmp_path)
    assert "--reference 'ness" not in written(tmp_path, "md")


def test_no_reference_is_a_message_and_no_file(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm")
    assert write_tables(tmp_path).messages == []
    make("lora")
    (message,) = write_tables(tmp_path).messages
    assert message == (
        "split_digits/til: No paired tests: no finished run of ness. "
        "Choose a row with `--reference LABEL`."
    )
    assert not list((tmp_path / "tables").glob("*-tests.*"))
    with pytest.raises(BadInput, match="--reference lor: no such row; did you mean 'lora'"):
        write_tables(tmp_path, "lor")


def test_the_command_takes_a_reference(
    eight: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for label, status in (("gpm", 0), ("gmp", 2)):
        arguments = ["benchmarks", "tables", str(eight), "--reference", label]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == status
    assert "--reference gmp: no such row; did you mean 'gpm'?" in capsys.readouterr().err
    assert written(eight, "md").startswith("# Paired tests of gpm:")
