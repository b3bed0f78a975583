"""The table of a search: what won, by how much, and everything that a reader has to know."""

from __future__ import annotations

from pathlib import Path

import pytest
from search_examples import method, searched, tried

from benchmarks.reporting.search import Search
from benchmarks.reporting.tuning import (
    as_latex,
    as_markdown,
    as_text,
    frame,
    incomplete,
    notes,
    without_best,
    write_tuning,
)

OUT = Path("results/mine")

NESS = method("ness", tried(80.0, eps=1e-3), tried(84.5, eps=1e-2), tried(82.0, eps=0.1), winner=1)
NAIVE = method("naive", tried(70.0), winner=0)


def notes_of(search: Search) -> str:
    return "\n".join(notes(search, OUT))


def test_a_row_says_what_won_and_what_it_gained() -> None:
    rows = [line.split() for line in as_text(searched(NESS, NAIVE)).splitlines()[4:]]
    assert rows == [
        ["ness", "eps=0.01", "3", "80.00", "84.50", "+4.50"],
        ["naive", "the", "spec's", "1", "70.00", "70.00", "+0.00"],
    ]


def test_notes_say_seeds_budget_and_what_validation_does() -> None:
    said = notes_of(searched(NESS, NAIVE))
    assert "by 2 held-back seeds (7, 8) that no compared run has; ±: sample standard" in said
    assert "Tried: 3 configurations, the spec's own among them, or all that there are." in said
    assert "Fewer, as their grids have no more: naive (1 of 3)." in said
    assert "also steer the learning rate and choose the kept weights of every method" in said
    assert "`python -m benchmarks tune SPEC.toml --out results/mine`" in said
    assert "Drawn" not in said
    assert "edge" not in said
    last = notes_of(searched(NESS, keep=["last"], seeds=[7], overrides=["a.b=[1, 2]"]))
    assert "by 1 held-back seed (7) that no compared run has." in last
    assert "also steer the learning rate of every method" in last
    assert "--out results/mine --set 'a.b=[1, 2]'`" in last


def test_notes_name_what_was_drawn_and_what_is_at_an_edge() -> None:
    best = method("gpm", *(tried(80.0 + n, threshold=n / 10) for n in (1, 2, 3)), winner=2)
    said = notes_of(searched(best.model_copy(update={"there_are": 12}), NESS))
    assert "Drawn from a larger grid, by a seed of the method's name: gpm (3 of 12)." in said
    assert "at the edge of what was tried, so more may lie beyond: gpm (threshold=0.3)." in said


def test_failed_configurations_are_listed_and_their_method_keeps_its_values() -> None:
    failed = method("gpm", tried(None, "diverged", lr=1), tried(50.0, "failed", lr=2))
    search = searched(NESS, failed)
    said = notes_of(search)
    assert "gpm diverged, cannot be best: lr=1." in said
    assert "gpm failed, cannot be best: lr=2." in said
    kept = "No configuration of gpm finished: it keeps the spec's values."
    assert list(without_best(search)) == [kept]
    assert kept in said
    row = as_text(search).splitlines()[-1].split()
    assert row == ["gpm", "—", "2", "diverged", "—", "—"]


def test_a_partial_search_says_what_is_missing_and_nothing_is_best() -> None:
    search = searched(
        method("ness", tried(80.0, eps=1), tried(None, "missing", eps=2)),
        method("naive", tried(70.0)),
    )
    (line,) = incomplete(search, OUT)
    assert line == (
        "Not complete: 1 of 3 configurations lack runs, so nothing is best yet; "
        "`python -m benchmarks tune SPEC.toml --out results/mine` goes on."
    )
    assert line in notes_of(search)
    assert list(without_best(search)) == []
    assert frame(search)["best"].tolist() == [False, False, False]


def test_every_configuration_is_in_the_page_and_in_the_csv() -> None:
    search = searched(NESS, NAIVE)
    page = as_markdown(search, OUT)
    for text in ("eps=0.001", "eps=0.01", "eps=0.1", "validation accuracy of SPEC.toml"):
        assert text in page
    rows = frame(search)
    assert rows["mean"].tolist() == [80.0, 84.5, 82.0, 70.0]
    assert rows["best"].tolist() == [False, True, False, True]
    assert rows["of_the_spec"].tolist() == [True, False, False, True]


@pytest.mark.parametrize("sign", ["\\toprule", "eps=0.01", "+4.50", "held-back seeds"])
def test_latex_has_the_same_table(sign: str) -> None:
    text = as_latex(searched(NESS, NAIVE), OUT)
    assert sign in text.replace(r"\allowbreak{}", "")


def test_files_are_written_alike_twice(tmp_path: Path) -> None:
    search = searched(NESS, NAIVE)
    paths = write_tuning(search, tmp_path)
    assert [path.name for path in paths] == [
        "search.json",
        "tuning.md",
        "tuning.tex",
        "tuning.csv",
    ]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_tuning(search, tmp_path)] == first
