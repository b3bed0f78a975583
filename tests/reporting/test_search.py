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


def made(make: MakeRecord, place: int = 0, seed: int = 0, **changes: Any) -> RunRecord:
    """A run as `of_runs` has it."""
    return make(seed=seed, spec=VALID | {"strategy_args.eps": float(place)}, **changes)


def filed(out: Path) -> Path:
    """The folder of a search's runs, with those that were made below ``out`` moved into it."""
    (out / "tuning").mkdir()
    return (out / "runs").rename(out / "tuning" / "runs")


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
    own = [made(make, 0, seed, matrix=shifted(HAND, seed)) for seed in (0, 1)]
    other = [made(make, 1, seed, matrix=shifted(HAND, 2.0 * seed)) for seed in (0, 1)]
    runs = filed(tmp_path)
    found = measured(searched(of_runs("ness", own, other), seeds=[0, 1]), tmp_path).methods[0]
    assert [(c.status, c.n, c.mean) for c in found.configurations] == [
        (RANKED, 2, 78.5),
        (RANKED, 2, 79.0),
    ]
    assert [c.std for c in found.configurations] == pytest.approx([0.5**0.5, 2**0.5])
    assert found.winner == 1
    # The records are what counts, whatever the file says.
    searched(found, seeds=[0, 1]).write(tmp_path)
    next(iter(runs.rglob(f"{other[1].id}.json"))).unlink()
    again = read_search(tmp_path)
    assert again is not None
    assert (again.missing, again.methods[0].winner) == (1, None)


def test_means_that_differ_by_rounding_alone_are_a_tie(make: MakeRecord, tmp_path: Path) -> None:
    # Two pairs of the same sum, whose floating-point means are not the same.
    means = [summarise(pair).mean for pair in ROUNDED]
    assert means[0] < means[1]
    runs = [
        [made(make, place, seed, matrix=[[acc]]) for seed, acc in enumerate(pair)]
        for place, pair in enumerate(ROUNDED)
    ]
    filed(tmp_path)
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
    runs = [made(make, 0, seed, status=status) for seed, status in enumerate(statuses)]
    filed(tmp_path)
    (found,) = measured(searched(of_runs("ness", runs), seeds=[0, 1]), tmp_path).methods
    assert found.own.status == status
    assert found.own.n == statuses.count("finished")
    assert found.winner == (0 if status == RANKED else None)


def test_nothing_wins_anywhere_while_a_run_is_missing(make: MakeRecord, tmp_path: Path) -> None:
    there, absent = made(make), made(make, strategy="gpm")
    next(filed(tmp_path).rglob(f"{absent.id}.json")).unlink()
    methods = of_runs("ness", [there]), of_runs("gpm", [absent])
    found = measured(searched(*methods, seeds=[0]), tmp_path)
    assert [m.own.status for m in found.methods] == [RANKED, "missing"]
    assert (found.missing, [m.winner for m in found.methods]) == (1, [None, None])


def test_what_is_written_is_read_and_other_files_are_refused(tmp_path: Path) -> None:
    assert read_search(tmp_path) is None
    search = searched(method("ness", tried(None, "missing"), tried(None, "missing", eps=1)))
    path = search.write(tmp_path)
    assert path == search_path(tmp_path)
    again = read_search(tmp_path)
    assert again is not None
    assert again.methods[0].own.values == {}
    whole = path.read_text()
    fewer = whole.replace('"budget": 3', '"budget": 1'), whole.replace('"b"', '"b", "c"')
    assert whole not in fewer
    for damaged in ("", "{}", "[1]", whole[:99], whole.replace("budget", "budgt"), "\xff", *fewer):
        path.write_bytes(damaged.encode("latin-1"))
        with pytest.raises(BadInput, match="no search as `tune` writes it") as caught:
            read_search(tmp_path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seeds": [0, 2]}, "seed = 2, where its record has 1"),
        ({"methods": {"eps": 0.5}}, "eps = 0.5, where its record has 0"),
        ({"methods": {"optimizer.lr": 0.5}}, "optimizer.lr = 0.5, where its record has 0.05"),
    ],
)
def test_a_file_that_the_records_deny_is_refused(
    make: MakeRecord, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    runs = [made(make, 0, seed) for seed in (0, 1)]
    filed(tmp_path)
    method_ = of_runs("ness", runs)
    if "methods" in changed:
        (own,) = method_.configurations
        wrong = own.model_copy(update={"values": own.values | changed["methods"]})
        changed = {"methods": [method_.model_copy(update={"configurations": [wrong]})]}
    fine = searched(method_, seeds=[0, 1])
    fine.write(tmp_path)
    assert read_search(tmp_path) is not None
    path = fine.model_copy(update=changed).write(tmp_path)
    with pytest.raises(BadInput) as caught:
        read_search(tmp_path)
    (line,) = str(caught.value).splitlines()
    assert f"of ness that {message}; `rm {path}`, and `python -m benchmarks tune SPEC.toml" in line
    assert line.startswith(f"{path}: it says of run {runs[changed.get('seeds') is not None].id}")


def test_a_search_of_tested_runs_is_refused(make: MakeRecord, tmp_path: Path) -> None:
    tested = make(spec={"strategy_args.eps": 0.0})
    filed(tmp_path)
    with pytest.raises(BadInput, match="evaluate_on = valid, where its record has test"):
        measured(searched(of_runs("ness", [tested]), seeds=[0]), tmp_path)
