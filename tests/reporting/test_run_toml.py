from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reporting.html.run_toml import has_seeds_of_a_sweep, run_toml
from benchmarks.sweep_spec import expand, load_sweep

RESULTS = Path(__file__).parents[2] / "results"

SPEC: dict[str, Any] = {
    "stream": "split_digits/til",
    "class_order": "fixed",
    "class_order_seed": 0,
    "strategy": "ness",
    "strategy_args": {"eps": 1e-5, "heads": None},
    "optimizer": {"name": "sgd", "lr": 0.1},
    "seed": 3,
    "init_seed": 3,
    "data_seed": 3,
}


def test_the_text_for_one_method() -> None:
    assert run_toml(SPEC) == (
        'stream = "split_digits/til"\nclass_order = "fixed"\n'
        'strategies = ["ness"]\nseeds = [0]\n\n'
        '[optimizer]\nname = "sgd"\nlr = 0.1\n\n'
        "[strategy.ness]\neps = 1e-05\n"
    )


def test_seeds_that_no_sweep_gives() -> None:
    assert has_seeds_of_a_sweep(SPEC)
    assert not has_seeds_of_a_sweep(SPEC | {"init_seed": 4})
    assert not has_seeds_of_a_sweep(SPEC | {"class_order": "per_seed"})
    assert has_seeds_of_a_sweep(SPEC | {"class_order": "per_seed", "class_order_seed": 3})


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
values = st.recursive(
    text
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(text, values, max_size=4))
def test_toml_reads_what_was_written(args: dict[str, Any]) -> None:
    written = run_toml(SPEC | {"strategy_args": args})
    assert tomllib.loads(written).get("strategy", {}).get("ness") == args


@pytest.mark.parametrize("folder", ["cpu/digits_til", "cpu/as_released", "ablations/eps"])
def test_stored_runs_keep_their_ids(folder: str, tmp_path: Path) -> None:
    paths = sorted((RESULTS / folder / "runs").rglob("*.json"))[::9]
    assert paths
    for path in paths:
        stored = json.loads(path.read_text())
        assert has_seeds_of_a_sweep(stored["spec"])
        (tmp_path / "spec.toml").write_text(run_toml(stored["spec"]))
        seeds = f"seeds=[{stored['spec']['seed']}]"
        (run,) = expand(load_sweep(tmp_path / "spec.toml", [seeds]))
        assert run.id == stored["id"] == path.stem
