"""What the runs of a search come to: means, winners, edges, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reporting_records import HAND, MakeRecord, shifted
from search_examples import method, searched, tried

from benchmarks.errors import BadInput
from benchmarks.records import RunRecord
from benchmarks.reporting.search import (
    measured,
    read_search,
    search_path,
    winner,
)
from benchmarks.reporting.search_parts import Configuration, Method
from benchmarks.reporting.stats import summarise

RANKED = "ranked"

VALID = {"evaluate_on": "valid"}

ROUNDED = ((70.1, 100.0), (70.2, 99.9))


def of_runs(strategy: str, *configurations: list[RunRecord]) -> Method:
    return method(
        strategy,
        *(
            Configuration(values={"eps": float(place)}, runs=[run.id for run in runs])
            for place, runs in enumerate(configurations)
        ),
    )


@pytest.mark.parametrize(
    ("configurations", "place"),
    [
        ([tried(80.0), tried(90.0), tried(85.0)], 1),
        ([tried(80.0), tried(90.0), tried(90.0)], 1),  # the first of the grid in a tie
        ([tried(80.0), tried(95.0, "failed"), tried(95.0, "diverged")], 0),
        ([tried(None, "failed"), tried(10.0)], 1),
        ([tried(None, "failed"), tried(99.0, "diverged")], None),
    ],
)
def test_the_winner_is_the_first_of_the_best(
    configurations: list[Configuration], place: int | None
) -> None:
    assert winner(method("ness", *configurations)) == place


@pytest.mark.parametrize(
    ("own_place", "place"),
    [(0, 0), (1, 1), (2, 1), (None, 1)],  # the grid has it first, second, last, not at all
)
def test_a_tie_is_broken_by_the_grid_whatever_the_spec_has(
    own_place: int | None, place: int
) -> None:
    tied = method("ness", tried(90.0), tried(90.0), tried(90.0), own_place=own_place)
    assert winner(tied) == place
    assert winner(method("ness", tried(90.0), tried(80.0), own_place=own_place)) == 0


def test_means_are_over_seeds_and_read_from_the_records(make: MakeRecord, tmp_path: Path) -> None:
    # HAND has ACC 78: means 78.5 and 79, deviations sqrt(1/2) and sqrt(2).
    folder = tmp_path / "tuning"
    own = [make(seed=seed, matrix=shifted(HAND, seed)) for seed in (0, 1)]
    other = [make(seed=seed, matrix=shifted(HAND, 2.0 * seed)) for seed in (0, 1)]
    folder.mkdir()
    (tmp_path / "runs").rename(folder / "runs")
    found = measured(searched(of_runs("ness", own, other)), tmp_path).methods[0]
    assert [(c.status, c.n, c.mean) for c in found.configurations] == [
        (RANKED, 2, 78.5),
        (RANKED, 2, 79.0),
    ]
    assert [c.std for c in found.configurations] == pytest.approx([0.5**0.5, 2**0.5])
    assert found.winner == 1
    # The records are what counts, whatever the file says.
    searched(found).write(tmp_path)
    next(iter((folder / "runs").rglob(f"{other[1].id}.json"))).unlink()
    again = read_search(tmp_path)
    assert again is not None
    assert (again.missing, again.methods[0].winner) == (1, None)


def test_means_that_differ_by_rounding_alone_are_a_tie(make: MakeRecord, tmp_path: Path) -> None:
    # Two pairs of the same sum, whose floating-point means are not the same.
    means = [summarise(pair).mean for pair in ROUNDED]
    assert means[0] < means[1]
    runs = [
        [
            make(seed=seed, matrix=[[acc]], spec=VALID | {"strategy_args.eps": float(place)})
            for seed, acc in enumerate(pair)
        ]
        for place, pair in enumerate(ROUNDED)
    ]
    (tmp_path / "tuning").mkdir()
    (tmp_path / "runs").rename(tmp_path / "tuning" / "runs")
    tied = of_runs("ness", *runs).model_copy(update={"own_place": 0})
    found = measured(searched(tied, seeds=[0, 1]), tmp_path).methods[0]
    assert found.own.mean == found.configurations[1].mean
    assert found.winner == 0


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["finished", "finished"], RANKED),
        (["finished", "failed"], "failed"),
        (["diverged", "finished"], "diverged"),
        (["diverged", "failed"], "failed"),
        (["finished", "running"], "missing"),
        (["failed", "running"], "missing"),
    ],
)
def test_a_configuration_is_ranked_when_every_seed_has_finished(
    make: MakeRecord, tmp_path: Path, statuses: list[str], status: str
) -> None:
    runs = [make(seed=seed, status=status) for seed, status in enumerate(statuses)]
    (tmp_path / "tuning").mkdir()
    (tmp_path / "runs").rename(tmp_path / "tuning" / "runs")
    (found,) = measured(searched(of_runs("ness", runs)), tmp_path).methods
    assert found.own.status == status
    assert found.own.n == statuses.count("finished")
    assert found.winner == (0 if status == RANKED else None)


def test_nothing_wins_anywhere_while_a_run_is_missing(make: MakeRecord, tmp_path: Path) -> None:
    there, absent = make("ness"), make("gpm")
    (tmp_path / "tuning").mkdir()
    (tmp_path / "runs").rename(tmp_path / "tuning" / "runs")
    next((tmp_path / "tuning" / "runs").rglob(f"{absent.id}.json")).unlink()
    found = measured(searched(of_runs("ness", [there]), of_runs("gpm", [absent])), tmp_path)
    assert [m.own.status for m in found.methods] == [RANKED, "missing"]
    assert (found.missing, [m.winner for m in found.methods]) == (1, [None, None])


@pytest.mark.parametrize(
    ("values", "place", "edge"),
    [
        ([3, 1, 2], 0, {"eps": 3}),
        ([2, 1, 3], 1, {"eps": 1}),
        ([2, 1, 3], 0, {}),
        ([1, 2], 1, {}),  # of two values both are at an edge
        (["a", "b", "c"], 0, {}),
        ([1, None, 2], 2, {}),
    ],
)
def test_a_winner_at_the_edge_of_what_was_tried(
    values: list[Any], place: int, edge: dict[str, Any]
) -> None:
    found = method("ness", *(tried(1.0, eps=value) for value in values), winner=place)
    assert found.at_edge == edge


def test_what_is_written_is_read_and_other_files_are_refused(tmp_path: Path) -> None:
    assert read_search(tmp_path) is None
    search = searched(method("ness", tried(None, "missing")))
    path = search.write(tmp_path)
    assert path == search_path(tmp_path)
    again = read_search(tmp_path)
    assert again is not None
    assert again.methods[0].own.values == {}
    whole = path.read_text()
    for damaged in ("", "{}", "[1]", whole[:99], whole.replace("budget", "budgt"), "\xff"):
        path.write_bytes(damaged.encode("latin-1"))
        with pytest.raises(BadInput, match="no search as `tune` writes it") as caught:
            read_search(tmp_path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
