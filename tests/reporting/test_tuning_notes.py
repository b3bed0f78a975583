"""The notes of a search: seeds and budget, what was drawn, at an edge, failed or missing."""

from __future__ import annotations

from pathlib import Path

from reporting_records import MakeRecord
from search_examples import NAIVE, NESS, OUT, method, searched, tried

from benchmarks.reporting.search import Search
from benchmarks.reporting.tuning import as_text, frame
from benchmarks.reporting.tuning_notes import incomplete, notes, without_best


def notes_of(search: Search) -> str:
    return "\n".join(notes(search, OUT))


def test_notes_say_seeds_budget_and_what_validation_does() -> None:
    said = notes_of(searched(NESS, NAIVE))
    assert "by 2 held-back seeds (7, 8) that no compared run has; ±: sample standard" in said
    assert "Tried: 3 configurations, the spec's own among them, or all that there are." in said
    assert "Fewer, as their grids have no more: naive (1 of 3)." in said
    assert "also steer the learning rate and choose the kept weights of every method" in said
    assert "`python -m benchmarks tune SPEC.toml --out results/mine`" in said
    assert "Drawn" not in said
    assert "edge" not in said
    changes = {"keep": ["last"], "seeds": [7], "overrides": ["a.b=[1, 2]"]}
    last = notes_of(searched(NESS).model_copy(update=changes))
    assert "by 1 held-back seed (7) that no compared run has." in last
    assert "also steer the learning rate of every method" in last
    assert "--out results/mine --set 'a.b=[1, 2]'`" in last


def test_seeds_that_compared_runs_have_are_not_called_held_back(
    make: MakeRecord, tmp_path: Path
) -> None:
    search = searched(NESS)
    make(seed=1)
    make(seed=8, stream="split_digits/cil")  # another stream is another comparison
    assert "by 2 held-back seeds (7, 8) that no compared" in "\n".join(notes(search, tmp_path))
    make("gpm", seed=8, status="running")
    said = "\n".join(notes(search, tmp_path))
    assert "on validation images, by 2 seeds (7, 8); " in said
    assert "held-back" not in said
    assert f"Not held back: runs in {tmp_path}/runs have seed 8 too, so what they" in said
    make(seed=7)
    assert "runs have seeds 7, 8 too" in "\n".join(notes(search, tmp_path))


def test_ties_are_said_and_a_spec_that_has_the_best_already() -> None:
    kept = "The spec already has the best values of every method, so that the gain is 0"
    said = notes_of(searched(NESS, NAIVE))
    assert "Best: the highest mean; in a tie the first in grid order, blind to which" in said
    assert kept not in said
    assert kept in notes_of(searched(NAIVE, NAIVE.model_copy(update={"strategy": "gpm"})))
    assert kept not in notes_of(searched(NAIVE, method("gpm", tried(None, "failed"))))


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
