"""Single values put into a spec's tables by their dotted keys."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from benchmarks.errors import BadInput


def apply_override(override: str, data: dict[str, Any]) -> None:
    """Put one ``key=value`` of the command line into a spec's tables, the value read as TOML."""
    put(parts(override), _toml_value(override.partition("=")[2].strip()), data, f"--set {override}")


def parts(override: str) -> tuple[str, ...]:
    """The parts of the key of ``key=value``, quoted ones as TOML has them: ``grid."a.b"=[1]``.

    Raises `BadInput` for an override that is not of that form.
    """
    key, equals, _ = override.partition("=")
    try:
        table: Any = tomllib.loads(f"{key} = 0") if equals else {}
    except tomllib.TOMLDecodeError:
        table = {}
    found = []
    while isinstance(table, dict) and len(table) == 1:
        ((name, table),) = table.items()
        found.append(name)
    if table != 0:
        raise BadInput(f"--set {override!r}: write it as key=value, for example protocol.epochs=5")
    return tuple(found)


def put(key: Sequence[str], value: Any, data: dict[str, Any], where: str) -> None:
    """Set the value of a key, making the tables on the way; ``where`` is for messages."""
    *parents, last = key
    table = data
    for name in parents:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise BadInput(f"{where}: {name} is a value and has no keys below it")
    table[last] = value


def _toml_value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if len(table) == 1 else text
