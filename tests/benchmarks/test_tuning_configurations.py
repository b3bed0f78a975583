"""What is tried of each method: the same number for all, the spec's own first."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import SMALL, run_spec

from benchmarks.errors import BadInput
from benchmarks.reporting.search import winner
from benchmarks.reporting.search_parts import Configuration, Method
from benchmarks.sweep_spec import load_sweep
from benchmarks.tuning.configurations import Candidates, candidates

METHODS = ["naive", "ness", "gpm", "frozen"]


def tried(*overrides: str, budget: int = 4, methods: list[str] = METHODS) -> dict[str, Candidates]:
    chosen = [f"strategies={json.dumps(methods)}", f"tune.budget={budget}", "tune.seeds=[7, 8]"]
    found = candidates(load_sweep(SMALL, [*chosen, *overrides]), "SPEC")
    return {method.strategy: method for method in found}


def texts(method: Candidates) -> list[dict[str, object]]:
    return [configuration.values for configuration in method.tried]


def test_every_configuration_is_a_run_a_seed_on_validation_images() -> None:
    found = tried("tune.grid.optimizer.lr=[0.1]", "tune.strategy.ness.eps=[0.1]")
    assert texts(found["naive"]) == [{"optimizer.lr": 0.05}, {"optimizer.lr": 0.1}]
    assert texts(found["ness"]) == [
        {"optimizer.lr": 0.05, "eps": 1e-3},
        {"optimizer.lr": 0.1, "eps": 0.1},
    ]
    set_ = ["strategy.ness.optimizer.lr=0.1", "strategy.ness.eps=0.1", "evaluate_on=valid"]
    assert found["ness"].tried[1].runs == [run_spec("ness", *set_, seed=s) for s in (7, 8)]
    assert found["ness"].tried[0].runs[0] == run_spec("ness", "evaluate_on=valid", seed=7)


def test_the_values_of_the_spec_are_no_configuration_beside_the_spec() -> None:
    found = tried("tune.grid.optimizer.lr=[0.1, 0.05, 0.2]", "tune.strategy.gpm.samples=[125, 9]")
    assert texts(found["naive"]) == [{"optimizer.lr": lr} for lr in (0.05, 0.1, 0.2)]
    assert found["gpm"].there_are == 6
    assert texts(found["gpm"])[0] == {"optimizer.lr": 0.05, "samples": 125}


def test_the_place_of_the_spec_among_what_is_tried_is_that_of_the_grid() -> None:
    found = tried("tune.grid.optimizer.lr=[0.1, 0.05, 0.2]", "tune.strategy.gpm.samples=[9]")
    assert found["naive"].own_place == 1
    assert found["gpm"].own_place is None
    # Of a sample: 0.05 has six rates before it in the grid, and as many of them as are tried.
    rates = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.05, 0.8, 0.9]
    few = tried(f"tune.grid.optimizer.lr={rates}")["naive"]
    drawn = [rates.index(values["optimizer.lr"]) for values in texts(few)[1:]]
    assert few.own_place == sum(index < 6 for index in drawn) in (1, 2)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_winner_that_the_spec_adopts_stays_the_winner(data: st.DataObject) -> None:
    """Of a complete grid, whatever ties: a search of the tuned spec ends where it began."""
    overrides = "tune.grid.optimizer.lr=[0.1, 0.05, 0.2]", "tune.strategy.ness.eps=[1e-3, 1e-2]"
    rates, eps = [0.02, 0.1, 0.05, 0.2], [1e-3, 1e-2, 0.1]
    means = {pair: data.draw(st.sampled_from([1.0, 2.0])) for pair in product(rates, eps)}

    def won(lr: float, e: float) -> tuple[float, float]:
        own = f"strategy.ness.optimizer.lr={lr}", f"strategy.ness.eps={e}"
        found = tried(*overrides, *own, budget=12, methods=["ness"])["ness"]
        values = [(t.values["optimizer.lr"], t.values["eps"]) for t in found.tried]
        ranked = [
            Configuration(values={}, runs=["a"], status="ranked", n=1, mean=means[pair])
            for pair in values
        ]
        place = winner(
            Method(
                strategy="ness",
                there_are=found.there_are,
                own_place=found.own_place,
                configurations=ranked,
            )
        )
        assert place is not None
        return values[place]

    first = won(data.draw(st.sampled_from(rates)), data.draw(st.sampled_from(eps)))
    assert won(*first) == first


def test_a_method_that_nothing_varies_is_tried_once() -> None:
    found = tried("tune.strategy.ness.eps=[0.1]")["naive"]
    assert (texts(found), found.there_are) == ([{}], 1)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 9),
    st.lists(st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.2]), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from([1e-4, 1e-3, 1e-2]), min_size=1, max_size=3, unique=True),
)
def test_every_method_gets_the_budget_or_all_of_its_grid(
    budget: int, rates: list[float], eps: list[float]
) -> None:
    overrides = f"tune.grid.optimizer.lr={rates}", f"tune.strategy.ness.eps={eps}"
    found = tried(*overrides, budget=budget)
    whole = {(lr, e) for lr in rates for e in eps} | {(0.05, 1e-3)}
    assert found["ness"].there_are == len(whole)
    assert found["naive"].there_are == len({*rates, 0.05})
    for name, method in found.items():
        assert len(method.tried) == min(budget, method.there_are)
        ids = [configuration.runs[0].id for configuration in method.tried]
        assert len(set(ids)) == len(ids)
        assert ids[0] == run_spec(name, "evaluate_on=valid", seed=7).id
        more = {c.runs[0].id for c in tried(*overrides, budget=budget + 1)[name].tried}
        assert more >= set(ids), "a larger budget tries the same ones and more"


def test_a_draw_depends_on_the_method_alone() -> None:
    grid = f"tune.grid.optimizer.lr={[n / 100 for n in range(1, 40)]}"
    found = tried(grid)
    alone = tried(grid, methods=["gpm"])
    assert texts(found["gpm"]) == texts(alone["gpm"])
    assert texts(found["gpm"]) != texts(found["naive"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tune.seeds=[8, 1]", "tune.seeds has 1, which is a seed of the comparison"),
        ("tune.strategy.nes.eps=[1]", "unknown strategy 'nes'; did you mean 'ness'?"),
        ("tune.strategy.ness.epz=[0.1]", "of ness: unknown key strategy.ness.epz; did you mean"),
        ("tune.strategy.ness.eps=[0.0]", "of ness: strategy.ness: eps"),
        ("tune.strategy.ness.eps=['a']", "of ness: strategy.ness.eps = 'a': Input should be"),
        ("tune.strategy.owm.alpa=[0.1]", "of owm: unknown key strategy.owm.alpa"),
        ("tune.strategy.ness.eps=[0.1, 0.1]", "changes no run"),
        ("tune.grid.optimizer.lrr=[0.1]", "unknown key 'lrr'; did you mean 'lr'?"),
        ("tune.grid.optimizer.lr=[-0.1]", "lr: Input should be greater than 0"),
        ('grid={"optimizer.lr"=[0.1, 0.2]}', "has a [grid]"),
        (f"tune.strategy.ness.eps={[n / 2000 for n in range(1, 1002)]}", "more than 1000 comb"),
        ("tune={}", "no table [tune]"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_a_line(override: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        tried(override)
    assert str(caught.value).startswith("SPEC: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_spec_without_a_table_is_refused() -> None:
    with pytest.raises(BadInput, match=r"no table \[tune\]; give it budget, seeds and"):
        candidates(load_sweep(SMALL), str(Path("SPEC")))
