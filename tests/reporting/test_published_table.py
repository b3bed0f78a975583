"""The files with published numbers beside measured ones."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from reporting_records import CUT_OFF, MakeRecord, made_as, square

from benchmarks.reporting.cells import footnote_letter
from benchmarks.reporting.published import read_published
from benchmarks.reporting.tables import write_tables

STREAM = "split_cifar100/til"
STEM = "split_cifar100-til-published"
GPM = made_as(read_published().protocols["gpm_cifar100"])


@pytest.fixture
def out(make: MakeRecord, tmp_path: Path) -> Path:
    for seed, shift in enumerate((-1, 1)):
        make("gpm", seed, square(76.48 + shift, -1), stream=STREAM, **GPM)
    make("owm", matrix=square(60, -2), stream=STREAM)
    make("naive", matrix=square(50), stream=STREAM)
    write_tables(tmp_path)
    return tmp_path / "tables"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_markdown(out: Path) -> None:
    text = (out / f"{STEM}.md").read_text()
    assert text.startswith(f"# Published beside measured: {STREAM} (task-incremental, 10 tasks)\n")
    body = [cells(line) for line in text.splitlines() if line.startswith("| ")][1:]
    gpm, owm = body[0], body[3]
    assert gpm[:5] == ["gpm", "2", "72.48", "76.48 ± 1.41", "+4.00"]
    assert gpm[5:] == ["—", "-1.00 ± 0.00", "—", "match<sup>a</sup>"]
    assert owm[:5] == ["owm", "1", "68.89", "60.00", "-8.89"]
    assert owm[5:] == ["-1.88", "-2.00", "-0.12", "differ<sup>d</sup>"]
    assert "- a: reported, n = 5: GPM (ICLR 2021)" in text
    assert "  - Besides, there: the validation images are drawn" in text
    assert "- d: rerun, n unknown: Adam-NSCL (CVPR 2021), table 1" in text
    assert "not known there: optimizer, protocol, strategy_args" in text
    assert "naive" not in text
    assert "trgp" not in text


def test_csv_has_the_numbers_unrounded(out: Path) -> None:
    with (out / f"{STEM}.csv").open() as file:
        rows = list(csv.DictReader(file))
    gpm = rows[0]
    assert (gpm["label"], gpm["kind"], gpm["verdict"]) == ("gpm", "reported", "off")
    assert (gpm["acc_published"], gpm["acc_published_std"], gpm["acc_published_n"]) == (
        "72.48",
        "",
        "5",
    )
    assert float(gpm["acc_measured"]) == pytest.approx(76.48)
    assert (gpm["acc_measured_n"], gpm["acc_difference"], gpm["bwt_difference"]) == ("2", "4.0", "")
    assert (gpm["obstacles"], rows[1]["verdict"]) == ("", "not comparable")


def test_latex_escapes(out: Path) -> None:
    text = (out / f"{STEM}.tex").read_text()
    assert r"gpm & 2 & 72.48 & 76.48$_{\pm 1.41}$ & +4.00 & --- &" in text
    assert r"$-$8.89" in text
    assert r"(as\_released: one\_less)" in text
    assert r"\label{tab:split_cifar100-til-published}" in text
    for line in text.splitlines():
        assert "\N{PLUS-MINUS SIGN}" not in line


def test_labels_are_escaped(make: MakeRecord, tmp_path: Path) -> None:
    for name in ("a|b_", "<i>*$"):
        make("gpm", matrix=square(70), stream=STREAM, spec={"strategy_args": {"note": name}})
    write_tables(tmp_path)
    text = (tmp_path / "tables" / f"{STEM}.md").read_text()
    assert r"gpm [strategy_args.note=a\|b\_]" in text
    assert r"gpm [strategy_args.note=&lt;i>\*\$]" in text
    tex = (tmp_path / "tables" / f"{STEM}.tex").read_text()
    assert r"\raggedright gpm {[}strategy\_\allowbreak{}args" in tex
    assert r"a\textbar{}b\_" in tex
    assert r"\textless{}i\textgreater{}*\$" in tex
    assert r"{@{}p{0." in tex


def test_no_footnote_has_the_letter_of_the_number_of_runs(make: MakeRecord, tmp_path: Path) -> None:
    for threshold in (0.9, 0.95, 0.97, 0.98, 0.99):
        make("gpm", matrix=square(70), stream=STREAM, spec={"strategy_args.threshold": threshold})
    write_tables(tmp_path)
    for suffix in ("md", "tex"):
        text = (tmp_path / "tables" / f"{STEM}.{suffix}").read_text()
        starts = re.findall(r"^(?:- )?([a-z]+): ", text, flags=re.MULTILINE)
        assert starts == [*"abcdefghijklmop", "n"]


def test_footnote_letters_never_repeat() -> None:
    letters = [footnote_letter(number) for number in range(60)]
    assert [letters[place] for place in (0, 12, 13, 24, 25, 26)] == ["a", "m", "o", "z", "aa", "bb"]
    assert len({*letters, "n"}) == 61


@pytest.mark.parametrize("strategy", ["naive", "gpm"])
def test_no_file_where_nothing_is_published_of_what_ran(
    make: MakeRecord, tmp_path: Path, strategy: str
) -> None:
    make("naive", stream=STREAM)
    make(strategy, 1, CUT_OFF, stream=STREAM, status="failed", error="KeyError")
    assert not [path for path in write_tables(tmp_path).paths if "published" in path.name]


def test_two_writes_give_the_same_bytes(out: Path) -> None:
    first = {path: path.read_bytes() for path in out.glob(f"{STEM}.*")}
    write_tables(out.parent)
    assert len(first) == 3
    assert {path: path.read_bytes() for path in first} == first
