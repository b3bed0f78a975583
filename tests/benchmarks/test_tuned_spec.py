"""tuned.toml: the spec as it was given, with the winners' values and where they come from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reporting.search import Search
from benchmarks.reporting.search_parts import Configuration, Method
from benchmarks.sweep_spec import expand, load_sweep
from benchmarks.tuning.command import plan_search
from benchmarks.tuning.tuned_spec import tuned_toml

SPECS = Path(__file__).resolve().parents[2] / "benchmarks" / "specs"
TUNED = sorted(p for p in SPECS.rglob("*.toml") if "\n[tune]" in p.read_text())
OUT = Path("results/mine")


def search(values: dict[str, tuple[Any, Any]], *overrides: str) -> Search:
    """One of ness, that found the second of each pair better than the spec's first."""
    before, after = ({key: pair[n] for key, pair in values.items()} for n in (0, 1))
    tried = [Configuration(values=each, runs=["a", "b"]) for each in (before, after)]
    ness = Method(strategy="ness", there_are=2, configurations=tried, winner=1)
    return Search(
        spec="SPEC.toml",
        overrides=list(overrides),
        stream="s",
        keep=["best"],
        budget=2,
        seeds=[7, 8],
        methods=[ness],
    )


EPS = {"eps": (1e-3, 1e-2)}
BOTH = EPS | {"optimizer.lr": (0.1, 0.2)}
COMMENT = "  # tuned: best of 2 on validation, seeds 7 8; spec had"

PLAIN = """# a spec
lr = 1  # mine

[strategy.ness]
rule = "nuclear"
eps = 1e-3  # the authors'

# about gpm
[strategy.gpm]
samples = 9
"""


def body(text: str) -> str:
    """Less the three lines that say what the file is."""
    head, rest = text.splitlines(keepends=True)[:3], text.splitlines(keepends=True)[3:]
    assert all(line.startswith("# ") for line in head)
    return "".join(rest)


def test_layout_and_comments_stay_and_changes_say_where_they_come_from() -> None:
    text = tuned_toml(PLAIN, search(BOTH), OUT)
    assert text.startswith("# SPEC.toml with the best values of a search on validation images")
    assert "# results/mine/tuning/tuning.md." in text
    assert "# `python -m benchmarks tune SPEC.toml --out results/mine`." in text
    assert body(text) == PLAIN.replace(
        "eps = 1e-3  # the authors'\n",
        f"eps = 0.01{COMMENT} 0.001\noptimizer.lr = 0.2{COMMENT} 0.1\n",
    )


def test_a_method_without_a_table_gets_one() -> None:
    text = "lr = 1\n\n[tune]\nbudget = 2\n"
    assert body(tuned_toml(text, search(EPS), OUT)) == (
        f"lr = 1\n\n[tune]\nbudget = 2\n\n[strategy.ness]\neps = 0.01{COMMENT} 0.001\n"
    )


def test_what_won_as_it_was_changes_nothing() -> None:
    assert body(tuned_toml(PLAIN, search({"eps": (1e-3, 1e-3)}), OUT)) == PLAIN
    lost = search(BOTH)
    nothing = lost.model_copy(
        update={"methods": [lost.methods[0].model_copy(update={"winner": None})]}
    )
    assert body(tuned_toml(PLAIN, nothing, OUT)) == PLAIN


def test_values_of_the_command_line_are_put_in_too() -> None:
    overrides = "lr=[2]", "tune.strategy.ness.eps=[1, 2]", "new=a"
    text = tuned_toml(PLAIN, search(EPS, *overrides), OUT)
    found = tomllib.loads(text)
    assert (found["lr"], found["new"]) == ([2], "a")
    assert found["tune"]["strategy"]["ness"]["eps"] == [1, 2]
    assert "lr = [2]  # --set" in text
    assert "# about gpm" in text


@pytest.mark.parametrize(
    "text",
    [
        "strategy = { ness = { eps = 1e-3 }, gpm = { samples = 9 } }\n",
        "strategy.ness.eps = 1e-3\nlr = 1\n[tune]\nbudget = 2\n",
        "[strategy]\nness = { eps = 1e-3 }\n",
        "[strategy]\nness.eps = 1e-3\ngpm.samples = 9\n",
        "[strategy.ness]\neps = 1e-3\n[tune]\nbudget = 2\n[strategy.gpm]\nsamples = 9\n",
        "[strategy.gpm]\nsamples = 9\n[tune]\nbudget = 2\n[strategy.naive]\n[protocol]\n",
        "[strategy.ness.optimizer]\nlr = 0.1\n\n[strategy.gpm.optimizer]\nlr = 1\n",
        "[strategy.ness]\neps = 1e-3\noptimizer = { lr = 0.1, momentum = 0.5 }\n",
        "",
    ],
)
def test_whatever_the_layout_the_values_are_there_and_no_other_has_changed(text: str) -> None:
    expected: dict[str, Any] = tomllib.loads(text)
    ness = expected.setdefault("strategy", {}).setdefault("ness", {})
    ness["eps"] = 1e-2
    ness.setdefault("optimizer", {})["lr"] = 0.2
    made = tuned_toml(text, search(BOTH), OUT)
    assert tomllib.loads(made) == expected
    assert "tuned: best of 2 on validation, seeds 7 8; spec had 0.001" in made


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.stem)
def test_the_tuned_preset_runs_what_won(path: Path, tmp_path: Path) -> None:
    """The last configuration of every method, as if it had won."""
    found, runs = plan_search(path)
    last = [m.model_copy(update={"winner": len(m.configurations) - 1}) for m in found.methods]
    text = tuned_toml(path.read_text(), found.model_copy(update={"methods": last}), OUT)
    kept = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert [line for line in body(text).splitlines() if line.startswith("#")] == kept
    (tmp_path / "tuned.toml").write_text(text)
    made = expand(load_sweep(tmp_path / "tuned.toml"))
    seed = made[0].seed
    won = {m.configurations[-1].runs[0] for m in last}
    same = dict.fromkeys(("seed", "init_seed", "data_seed"), seed) | {"evaluate_on": "test"}
    expected = {r.model_copy(update=same).id for r in runs if r.id in won}
    assert {run.id for run in made if run.seed == seed} == expected
    assert len(expected) == len(found.methods)


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.stem)
def test_a_preset_gives_every_method_exactly_its_budget(path: Path) -> None:
    found, _ = plan_search(path)
    assert {len(m.configurations) for m in found.methods} == {found.budget}
