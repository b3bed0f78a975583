"""`python -m benchmarks check`: what scripts see."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from reporting_records import MakeRecord, made_as, square

from benchmarks.cli.app import main
from benchmarks.reporting.published import read_published

GPM = made_as(read_published().protocols["gpm_cifar100"])


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch):
    def of(*arguments: object) -> object:
        monkeypatch.setattr(sys, "argv", ["benchmarks", "check", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    return of


@pytest.mark.parametrize(("acc", "expected"), [(72.48, 0), (60, 1), (85, 1)])
def test_status_1_means_off(
    make: MakeRecord, tmp_path: Path, status, acc: float, expected: int
) -> None:
    make("gpm", matrix=square(acc), stream="split_cifar100/til", **GPM)
    assert status(tmp_path) == expected


def test_damaged_records_and_missing_ones_are_bad_input(
    make: MakeRecord, tmp_path: Path, status, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(tmp_path) == 2
    make("gpm", matrix=square(60), stream="split_cifar100/til", **GPM)
    next(tmp_path.rglob("*.json")).with_name("torn.json").write_text("{")
    capsys.readouterr()
    assert status(tmp_path) == 2
    printed = capsys.readouterr()
    assert "torn.json" in printed.err
    assert "72.48" in printed.out


def test_numbers_of_ones_own(
    make: MakeRecord, tmp_path: Path, status, capsys: pytest.CaptureFixture[str]
) -> None:
    make("ness", matrix=square(70))
    own = tmp_path / "own.toml"
    own.write_text(
        'tolerance = 1.0\n[protocol.paper]\n[[value]]\nstrategy = "ness"\nacc = 75.0\n'
        'stream = "split_digits/til"\nkind = "reported"\nsource = "us"\nprotocol = "paper"\n'
    )
    assert status(tmp_path, "--published", own) == 1
    assert "ACC 5.00 points below, tolerance 1.00" in capsys.readouterr().out
    own.write_text(own.read_text().replace('"ness"', '"nes"'))
    assert status(tmp_path, "--published", own) == 2
    assert "unknown strategy 'nes'; did you mean 'ness'?" in capsys.readouterr().err
