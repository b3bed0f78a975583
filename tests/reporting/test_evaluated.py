"""Validation accuracy is called that, and is held against nothing that was tested."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import HAND, MakeRecord

from benchmarks.reporting.check import check
from benchmarks.reporting.collect import collect
from benchmarks.reporting.comparability import obstacles
from benchmarks.reporting.evaluated import not_the_test
from benchmarks.reporting.figures.accuracy_figure import accuracy_figures
from benchmarks.reporting.figures.looks import line_styles
from benchmarks.reporting.figures.matrices_figure import matrices_figures
from benchmarks.reporting.figures.pareto_figure import pareto_figure
from benchmarks.reporting.published_entries import Protocol
from benchmarks.reporting.suspicious import suspicions
from benchmarks.reporting.tables import write_tables

VALID = {"evaluate_on": "valid"}
STREAM = "split_digits/til"


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ([], ""),
        ([{}], ""),
        ([{"evaluate_on": "test"}, {}], ""),
        ([VALID, VALID], "validation "),
        ([VALID, {}], "test or validation "),
    ],
)
def test_what_goes_before_accuracy(
    make: MakeRecord, specs: list[dict[str, str]], said: str
) -> None:
    assert not_the_test([make(spec=spec) for spec in specs]) == said


def test_tables_and_check_say_validation(make: MakeRecord, tmp_path: Path) -> None:
    make(spec=VALID)
    headline = write_tables(tmp_path).headline
    tables = [path.read_text() for path in (tmp_path / "tables").glob("*.md")]
    assert len(tables) > 1
    said = "split_digits/til (task-incremental, 3 tasks): validation accuracy"
    assert all(said in text for text in [headline, check(tmp_path).text, *tables])


def test_a_tested_run_is_not_averaged_with_a_validated_one(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("ness", spec=VALID)
    make("ness", seed=1)
    make("gpm")
    labels = collect(tmp_path).of_stream(STREAM)["label"].tolist()
    assert sorted(labels) == [
        "gpm [evaluate_on=test]",
        "ness [evaluate_on=test]",
        "ness [evaluate_on=valid]",
    ]


def test_validation_accuracy_is_not_held_against_a_tested_floor(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("ness", spec=VALID)
    make("frozen")
    assert suspicions(collect(tmp_path), STREAM) == []
    make("frozen", spec=VALID)
    (line,) = suspicions(collect(tmp_path), STREAM)
    assert "not above that of frozen [evaluate_on=valid]" in line


def test_validation_accuracy_is_not_held_against_published_numbers(make: MakeRecord) -> None:
    assert obstacles(Protocol(), make()) == []
    assert obstacles(Protocol(), make(spec=VALID)) == [
        "validation accuracy here, test accuracy there"
    ]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {},
            [
                "Test accuracy\non seen tasks (%)",
                "Test accuracy (%)",
                "Average accuracy, ACC (%)",
            ],
        ),
        (
            VALID,
            [
                "Validation accuracy\non seen tasks (%)",
                "Validation accuracy (%)",
                "Average accuracy, ACC (%)\non validation images",
            ],
        ),
    ],
)
def test_axes_say_validation(make: MakeRecord, spec: dict[str, str], words: list[str]) -> None:
    runs = {"ness": [make(matrix=HAND, spec=spec)]}
    looks = line_styles({"ness": "ness"})
    pareto = pareto_figure(runs, looks)
    assert pareto is not None
    assert [
        accuracy_figures(runs, looks)[0].axes[0].get_ylabel(),
        matrices_figures(runs)[0].axes[-1].get_ylabel(),
        pareto.axes[0].get_ylabel(),
    ] == words
