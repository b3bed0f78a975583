"""The spec of a stored run as the TOML that makes the run again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from benchmarks.reporting.specs import SEED_KEYS

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def run_toml(spec: Mapping[str, Any]) -> str | None:
    """A sweep of this one run, or None where none has its seeds.

    ``python -m benchmarks run`` takes the seed from its command line, so that the runs of one
    method have the same text. A key whose value is null is left out: TOML has no null, and where
    a spec has one it is the default.
    """
    seed = spec.get("seed")
    order_seed = seed if spec.get("class_order") == "per_seed" else 0
    if [spec.get(key) for key in SEED_KEYS] != [seed, seed, seed, order_seed]:
        return None
    strategy = spec["strategy"]
    rest = {key: value for key, value in spec.items() if key not in (*SEED_KEYS, "strategy")}
    own = rest.pop("strategy_args", {})
    flat = {key: value for key, value in rest.items() if not isinstance(value, Mapping)}
    flat |= {"strategies": [strategy], "seeds": [0]}
    tables = {_key(key): value for key, value in rest.items() if isinstance(value, Mapping)}
    tables[f"strategy.{_key(strategy)}"] = own
    lines = _lines(flat)
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    return "\n".join(lines) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(_lines(value))
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_value(part) for part in value)}]"
    # TOML writes strings, numbers and booleans as JSON does, but for DEL, which it escapes.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
