"""The spec of a stored run as the TOML that makes the run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit

from benchmarks.reporting.specs import SEED_KEYS


def has_seeds_of_a_sweep(spec: Mapping[str, Any]) -> bool:
    """Whether a sweep gives these seeds: one for all that is drawn, see `RunSpec`."""
    seed = spec.get("seed")
    order_seed = seed if spec.get("class_order") == "per_seed" else 0
    return [spec.get(key) for key in SEED_KEYS] == [seed, seed, seed, order_seed]


def run_toml(spec: Mapping[str, Any]) -> str:
    """A sweep of the method, the same for all its seeds: ``python -m benchmarks run`` is told one.

    A key whose value is null is left out: TOML has no null, and where a spec has one it is the
    default.
    """
    own = ("strategy", "strategy_args", *SEED_KEYS)
    shared = {key: value for key, value in spec.items() if key not in own}
    tables = {key: value for key, value in shared.items() if isinstance(value, Mapping)}
    values = {key: value for key, value in shared.items() if key not in tables}
    strategy = spec["strategy"]
    sweep = {
        **values,
        "strategies": [strategy],
        "seeds": [0],
        **tables,
        "strategy": {strategy: spec.get("strategy_args", {})},
    }
    return tomlkit.dumps(_without_null(sweep))


def _without_null(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_null(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }
