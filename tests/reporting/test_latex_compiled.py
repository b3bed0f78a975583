"""Every table through a real LaTeX, with the class article and the package booktabs alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted, square

from benchmarks.reporting import latex
from benchmarks.reporting.cells import Cell
from benchmarks.reporting.latex_fit import PAGE
from benchmarks.reporting.latex_text import _LETTERS
from benchmarks.reporting.tables import write_tables

pytestmark = pytest.mark.skipif(
    not (shutil.which("pdflatex") and shutil.which("pdftotext")),
    reason="no pdflatex and pdftotext here: install texlive-latex-recommended, poppler-utils",
)

LATEX = ("pdflatex", "-interaction=nonstopmode", "-halt-on-error")
SAME = {"class_order_seed": 0}
METHODS = (
    *("naive", "frozen", "random_subspace", "adam_nscl", "agem", "dfgp", "ewc", "from_scratch"),
    *("fs_dgpm", "gdumb", "gpm", "inflora", "lora", "lwf", "mas", "owm", "replay", "rwalk", "sgp"),
    *("si", "trgp", "ness_sam", "ness"),
)
NASTY = [
    "100% of a & b_c",
    "x^2 ~ {y} $z$ #1",
    'back\\slash "quoted" `code`',
    "é ß 漢 \N{GREEK SMALL LETTER ALPHA} \N{EN DASH} —",
    "[a]",
    "".join(sorted(_LETTERS)),
]


def compiled(folder: Path, build: Path) -> tuple[str, str]:
    """The log and the text of a document that takes in every table of a folder, a page each."""
    build.mkdir()
    tables = sorted(path.name for path in folder.glob("*.tex"))
    document = [
        r"\documentclass{article}\usepackage{booktabs}\begin{document}",
        *(rf"\input{{{name}}}\clearpage" for name in tables),
        r"\end{document}",
    ]
    name = str(build / "all.tex")
    Path(name).write_text("\n".join(document))
    ran = subprocess.run(
        [
            "pdflatex",
            "-interaction=nonstopmode",
            "-halt-on-error",
            f"-output-directory={build}",
            name,
        ],
        cwd=folder,
        env=os.environ | {"HOME": str(build), "max_print_line": "10000"},
        capture_output=True,
        timeout=120,
    )
    log = (build / "all.log").read_text(errors="replace")
    assert ran.returncode == 0, log[-2000:]
    text = subprocess.run(["pdftotext", "-layout", build / "all.pdf", "-"], capture_output=True)
    return log, text.stdout.decode()


def assert_fits(log: str) -> None:
    faults = [line for line in log.splitlines() if re.search(r"Overfull|too large|undefined", line)]
    assert faults == []
    assert ".pk" not in log, "a bitmap font, which conferences refuse"


def test_25_rows_with_ten_seeds_and_published_numbers(make: MakeRecord, tmp_path: Path) -> None:
    stream = "split_cifar100/til"
    for place, strategy in enumerate(METHODS):
        for seed in range(10 if strategy in ("ness", "gpm") else 3):
            acc = 40 + place + seed * (place % 4)
            make(strategy, seed, square(acc, -(place + seed) / 2), stream=stream, spec=SAME)
    make("joint", 0, square(99), stream=stream, spec=SAME)
    make("cumulative", 0, square(98), stream=stream, spec=SAME)
    written = write_tables(tmp_path)
    stems = [path.stem.removeprefix("split_cifar100-til") for path in written.paths]
    suffixes = [s for s, path in zip(stems, written.paths, strict=True) if path.suffix == ".tex"]
    assert suffixes == ["", "-cost", "-intervals", "-tests", "-published"]
    log, text = compiled(tmp_path / "tables", tmp_path / "build")
    assert_fits(log)
    # The underscore is a rule, no letter: pdftotext sees a space.
    for cell in (
        "adam nscl",
        "subspace",
        "Paired tests of ness",
        "Student",
        "BCa bootstrap",
        "BWT",
    ):
        assert cell in text
    rows = [line.split() for line in text.splitlines()]
    # 40 + 22 + 2 * 4.5 = 71; seeds 0, 2, ... 18: std 6.06.
    assert any(row[:2] == ["ness", "10"] and "71.00±6.06" in row for row in rows)


def test_nasty_long_labels_and_failures(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (1, 2):
        for place, mode in enumerate(NASTY * 5):
            own = {"mode": f"{mode} {place // 5}", "eps": 0.1 * place, "threshold": 0.97 + place}
            matrix = shifted(HAND, -place - seed)
            make("ness", seed, matrix, spec=SAME | {"strategy_args": own}, task_aware=matrix)
        make("naive", seed, shifted(HAND, -60 + 25 * seed), spec=SAME)
        make("joint", seed, JOINT, spec=SAME)
    for mode in NASTY:
        make("gpm", 1, CUT_OFF, status="failed", error=f"Error: {mode}", spec={"optimizer.x": mode})
    make("owm", 3, CUT_OFF, status="diverged", error=f"{'/very/long/path' * 9} {'0f' * 60}")
    write_tables(tmp_path)
    log, text = compiled(tmp_path / "tables", tmp_path / "build")
    assert_fits(log)
    flat = " ".join(text.split())
    for part in ("100% of a", "& b c", "{y} $z$ #1", "(U+6F22)", "(continued)", "no pair"):
        assert part in flat


def test_class_incremental_and_single_runs(make: MakeRecord, tmp_path: Path) -> None:
    for place, strategy in enumerate(("naive", "gpm", "ness")):
        aware, matrix = shifted(HAND, -place), shifted(HAND, -20 - place)
        for seed in (1, 2, 3):
            args = {"stream": "split_digits/cil", "task_aware": aware, "spec": SAME}
            make(strategy, seed, shifted(matrix, seed), **args)
        make(strategy, 1, matrix, stream="split_mnist/dil", spec=SAME)
    write_tables(tmp_path)
    assert not (tmp_path / "tables" / "split_mnist-dil-intervals.tex").exists()
    log, text = compiled(tmp_path / "tables", tmp_path / "build")
    assert_fits(log)
    assert "class-incremental" in text
    assert "Task-aware" in text


def test_notes_longer_than_a_page_go_on_on_the_next(tmp_path: Path) -> None:
    rows = [(f"method_{number}", [Cell(str(number)), Cell("-1.00 ± 2.00")]) for number in range(80)]
    notes = [f"note {number}: " + "some words " * 20 for number in range(60)]
    folder = tmp_path / "tables"
    folder.mkdir()
    text = latex.environment("Caption", "long", ["Strategy", "n", "ACC (%)"], rows, notes)
    assert text.count(r"\begin{table}") == text.count(r"\caption{Caption") == 2
    assert text.count(r"\label{tab:long}") == 1
    assert PAGE < 80 * 9.5
    (folder / "long.tex").write_text(text)
    log, printed = compiled(folder, tmp_path / "build")
    assert_fits(log)
    assert "method 79" in printed
    assert "note 59:" in printed
