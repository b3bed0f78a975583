"""What is averaged differs in its seeds alone; any other difference is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reporting_records import MakeRecord

from benchmarks.reporting.collect import collect
from benchmarks.reporting.specs import SEED_KEYS, flatten, labels
from benchmarks.reporting.tables import write_tables
from benchmarks.sweep_spec import expand, load_sweep

SMALL = Path(__file__).parents[1] / "benchmarks" / "small.toml"


def full_spec() -> dict[str, Any]:
    """Every key that a run's spec has, those left out at their default too."""
    overrides = ["strategies=['ness']", "protocol.keep='last'"]
    return expand(load_sweep(SMALL, overrides))[0].model_dump(mode="json")


KEYS = sorted(flatten(full_spec()))


def other(value: Any) -> Any:
    """Another value of the same kind, as close as can be."""
    if isinstance(value, bool) or value is None:
        return value is None or not value
    if isinstance(value, int | float):
        return value * 1.0000001 + 1e-9 if isinstance(value, float) else value + 1
    return [*value, 1] if isinstance(value, list) else value + "x"


def changed(spec: dict[str, Any], key: str) -> dict[str, Any]:
    table, _, name = key.partition(".")
    value = {**spec[table], name: other(spec[table][name])} if name else other(spec[table])
    return {**spec, table: value}


def test_the_keys_are_those_of_the_whole_spec() -> None:
    assert {"precision", "threads", "device", "backbone_args.hidden", "optimizer.lr"} <= set(KEYS)
    assert len(KEYS) > 25


@pytest.mark.parametrize("key", [key for key in KEYS if key not in ("stream", "strategy")])
def test_runs_that_differ_in_one_key_are_averaged_only_if_it_is_a_seed(
    make: MakeRecord, tmp_path: Path, key: str
) -> None:
    spec = full_spec()
    base = {k: v for k, v in spec.items() if k != "class_order_seed"}
    for seed in (1, 2):
        make(spec=base | {"seed": seed})
        again = changed(spec | {"seed": seed}, key)
        make(spec={k: v for k, v in again.items() if k != "class_order_seed" or k == key})
    runs = collect(tmp_path).of_stream("split_digits/til")
    text = (write_tables(tmp_path), (tmp_path / "tables/split_digits-til.md").read_text())[1]
    if key in SEED_KEYS:
        assert set(runs["label"]) == {"ness"}
        return
    assert sorted(runs.groupby("label").size()) == [2, 2]
    assert all(label.startswith(f"ness [{key}=") for label in runs["label"])
    assert key in text.replace("\\", "")


def test_runs_on_other_streams_and_of_other_strategies_have_rows_of_their_own(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("ness", 1)
    make("gpm", 1)
    make("ness", 1, stream="split_digits/dil")
    runs = collect(tmp_path).runs
    assert len(runs.groupby(["stream", "label"])) == 3


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.0, 1e-5])
    | st.sampled_from(
        ["", "unset", "1", "1.0", "null", "true", "best", "[1]", "a", "1, b=2", '"a"']
    )
    # Of chosen signs: all of Unicode takes seconds to tabulate, a failed health check under load.
    | st.text(st.sampled_from('ab1.,=:"[]{}\\ \n\té\u2013'), max_size=3),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
FLAT = st.dictionaries(st.sampled_from(["a", "b", "t.c", "protocol.keep"]), VALUES, max_size=3)


def same(one: Any, two: Any) -> bool:
    """Whether they are one value of a spec: 1 is 1.0, but neither is true."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


@settings(deadline=None)  # a slow machine is no fault of a label
@given(FLAT, FLAT)
@example({"a": [-2, 1]}, {"a": [-2, 1.0]})
def test_one_label_means_one_spec(one: dict[str, Any], two: dict[str, Any]) -> None:
    named = labels({"x": ("ness", one), "y": ("ness", two)})
    implied = [{"protocol.keep": "best"} | flat for flat in (one, two)]
    alike = implied[0].keys() == implied[1].keys() and all(
        same(value, implied[1][key]) for key, value in implied[0].items()
    )
    assert (named["x"] == named["y"]) == alike
