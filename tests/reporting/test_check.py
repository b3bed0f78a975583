"""What `check` prints: verdicts with reasons."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, MakeRecord, made_as, square

from benchmarks.errors import BadInput
from benchmarks.reporting.check import WIDTH, check
from benchmarks.reporting.published import read_published

STREAM = "split_cifar100/til"
GPM = made_as(read_published().protocols["gpm_cifar100"])


def line_of(text: str, *starts: str) -> str:
    return next(line for line in text.splitlines() if line.split()[: len(starts)] == list(starts))


def test_a_number_too_high_is_off_and_says_so(make: MakeRecord, tmp_path: Path) -> None:
    for seed, shift in enumerate((-1, 1)):
        make("gpm", seed, square(76.48 + shift), stream=STREAM, **GPM)
    checked = check(tmp_path)
    assert checked.off == 1
    line = line_of(checked.text, "gpm", "72.48")
    assert line.split("  ")[0] == "gpm"
    assert line.replace(" ", "") == "gpm72.4876.48±1.41+4.00—0.00±0.00—off"
    assert "ACC 4.00 points above, tolerance 2.00" in checked.text
    assert "reported, n = 5: GPM (ICLR 2021)" in checked.text
    assert "as_released: one_less" in checked.text


def test_a_number_too_low_is_off(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", matrix=square(70), stream=STREAM, **GPM)
    checked = check(tmp_path)
    assert "ACC 2.48 points below, tolerance 2.00" in checked.text
    assert checked.off == 1


def test_within_is_not_off(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", matrix=square(71), stream=STREAM, **GPM)
    checked = check(tmp_path)
    assert checked.off == 0
    assert line_of(checked.text, "gpm", "72.48").endswith("within")


def test_other_protocols_are_named_and_never_off(make: MakeRecord, tmp_path: Path) -> None:
    args = {**GPM, "spec": {**GPM["spec"], "protocol": {"epochs": 10}}}
    make("gpm", matrix=square(50), stream=STREAM, **args)
    make("ness", matrix=square(50), stream=STREAM)
    make("sgp", matrix=square(50), stream=STREAM)
    checked = check(tmp_path)
    assert checked.off == 0
    assert line_of(checked.text, "gpm", "72.48").endswith("not comparable")
    assert "protocol.epochs: 10 here, 200 there" in " ".join(checked.text.split())
    assert line_of(checked.text, "trgp", "74.46").endswith("no runs")
    assert "nothing published: sgp, ness" in checked.text


def test_a_fault_that_the_run_has_too_is_no_departure(make: MakeRecord, tmp_path: Path) -> None:
    for seed, fault in enumerate(("one_less", "threshold_beyond_one")):
        args = {**GPM["spec"]["strategy_args"], "as_released": [fault]}
        spec = {**GPM["spec"], "strategy_args": args}
        make("gpm", seed, square(72), stream=STREAM, **{**GPM, "spec": spec})
    text = " ".join(check(tmp_path).text.split())
    assert "task 1 keeps one direction less" not in text
    assert "besides, there: the validation images are drawn with the seed of the run; 24," in text
    assert "as_released: threshold_beyond_one here" in text


def test_a_label_of_several_specs_is_below_its_line(make: MakeRecord, tmp_path: Path) -> None:
    for threshold in (0.97, 0.5):
        args = {**GPM["spec"], "strategy_args": {"threshold": threshold}}
        make("gpm", matrix=square(50), stream=STREAM, spec=args)
    text = check(tmp_path).text
    assert "    [strategy_args.threshold=0.5]\n" in text
    assert "    [strategy_args.threshold=0.97]\n" in text


def test_an_interval_that_decides_is_given(make: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'tolerance = 1.0\n[protocol.p]\n[[value]]\nstrategy = "gpm"\nstream = "x/til"\n'
        'kind = "rerun"\nsource = "us"\nprotocol = "p"\nacc = 80.0\nacc_std = 3.0\nn = 3\n'
    )
    for seed, shift in enumerate((-3, 0, 3)):
        make("gpm", seed, square(82 + shift), stream="x/til")
    checked = check(tmp_path, path)
    said = (
        "ACC 2.00 points above, tolerance 1.00; within the 95 % interval of the difference, ± 6.80"
    )
    assert said in checked.text
    assert checked.off == 0


def test_lines_fit_a_terminal(make: MakeRecord, tmp_path: Path) -> None:
    for strategy in ("adam_nscl", "dfgp", "gpm", "owm", "trgp", "naive", "ness"):
        for seed in (0, 1):
            make(strategy, seed, square(55.5 + seed, -10.25), stream=STREAM)
    lines = check(tmp_path).text.splitlines()
    assert max(map(len, lines)) <= WIDTH


def test_a_stream_without_published_numbers(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm")
    make(status="running", matrix=CUT_OFF)
    assert check(tmp_path).text == (
        "split_digits/til (task-incremental, 3 tasks)\n\nnothing published: gpm\n\n"
        "Runs in progress, not compared: 1."
    )


def test_damaged_records_are_named(make: MakeRecord, tmp_path: Path) -> None:
    make()
    torn = next(tmp_path.rglob("*.json")).with_name("torn.json")
    torn.write_text("{")
    (damaged,) = check(tmp_path).damaged
    assert str(torn) in damaged


def test_an_empty_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run records"):
        check(tmp_path)
