"""``[tune]``: what it says, and one line for what it cannot say."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_runs import SMALL

from benchmarks.errors import BadInput
from benchmarks.sweep_spec import expand, load_sweep
from benchmarks.tuning.table import TuneTable, axes_of, read_tune


def table(text: str = "") -> TuneTable:
    return read_tune(tomllib.loads(f"budget = 3\nseeds = [7]\n{text}"), "SPEC: tune")


def axes(text: str, strategy: str = "ness") -> dict[str, list[tuple[Any, ...]]]:
    found = axes_of(table(text), strategy, "SPEC: tune")
    return {axis.name: list(axis.values) for axis in found}


def test_a_method_has_the_common_keys_and_its_own() -> None:
    text = "grid.optimizer.lr = [0.1, 0.2]\nstrategy.ness.eps = [1e-3]"
    common = {"optimizer.lr": [(0.1,), (0.2,)]}
    assert axes(text) == common | {"eps": [(1e-3,)]}
    assert axes(text, "naive") == common


@pytest.mark.parametrize(
    "key", ['"optimizer.lr"', "optimizer.lr", "optimizer . lr"], ids=["quoted", "dotted", "spaced"]
)
def test_a_key_is_the_same_with_and_without_quotes(key: str) -> None:
    assert axes(f"grid.{key} = [0.1]") == {"optimizer.lr": [(0.1,)]}


def test_a_method_replaces_a_common_key_or_does_without() -> None:
    text = 'grid.optimizer.lr = [0.1]\nstrategy.ness."optimizer.lr" = '
    assert axes(f"{text} [0.5]") == {"optimizer.lr": [(0.5,)]}
    assert axes(f"{text} []") == {}


def test_keys_vary_together_where_they_are_listed_together() -> None:
    text = 'strategy.adam_nscl."lr, lr_head" = [[1, 2], [3, 4]]'
    assert axes(text, "adam_nscl") == {"lr, lr_head": [(1, 2), (3, 4)]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budgt = 3", "unknown key 'budgt'; did you mean 'budget'?"),
        ("grid.optimizer.lr = 0.1", "grid: 'optimizer.lr' = 0.1 is no list"),
        ("strategy.ness.eps = 0.1", "strategy.ness: 'eps' = 0.1 is no list"),
        ("grid.backbone_args.hidden = [[1]]", "'backbone_args.hidden' is not of every method"),
        ("grid.optimizer = [1]", "'optimizer' is not of every method"),
        ("grid.eps = [1]", "'eps' is not of every method; put it into [tune.strategy.<name>]"),
        ('strategy.x."a, b" = [[1, 2], [3]]', "'a, b' has [3]; give a list of 2 values"),
        ('strategy.x."a, b" = [1]', "'a, b' has 1; give a list of 2 values"),
        ('strategy.x."a, b" = [[1, 2]]\nstrategy.x.a = [1]', "'a' is varied twice"),
    ],
)
def test_what_it_cannot_mean_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        table(text)
    assert str(caught.value).startswith("SPEC: tune")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("budget=1", "budget"),
        ("budget=2.5", "budget"),
        ("seeds=[]", "seeds"),
        ("seeds=[3, 3]", "has one twice"),
        ("seeds=[-1]", "seeds.0"),
        ("strategy={ness=1}", "strategy.ness"),
    ],
)
def test_a_sweep_refuses_a_faulty_table_by_name(override: str, message: str) -> None:
    fine = ["tune.budget=3", "tune.seeds=[7]"]
    with pytest.raises(BadInput, match="tune") as caught:
        load_sweep(SMALL, [*fine, f"tune.{override}"])
    assert message in str(caught.value)


def test_it_decides_no_run_of_a_sweep() -> None:
    tuned = load_sweep(SMALL, ["tune.budget=3", "tune.seeds=[7]", "tune.grid.optimizer.lr=[1.0]"])
    assert [run.id for run in expand(tuned)] == [run.id for run in expand(load_sweep(SMALL))]


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
ANY = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner)
)


# A busy machine is no fault of the table.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["grid", "strategy", "budget", "seeds"]), ANY))
def test_no_table_gives_anything_but_a_search_or_one_line(data: dict[str, Any]) -> None:
    message = "fine"
    try:
        read_tune({"budget": 3, "seeds": [1]} | data, "SPEC: tune")
    except BadInput as error:
        message = str(error)
    assert len(message.splitlines()) == 1
