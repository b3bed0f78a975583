"""Single values put into a spec's tables by their dotted keys."""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Sequence
from typing import Any

from benchmarks.errors import BadInput


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text; raises `ValueError` also where Python's reader gives up."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def apply_override(override: str, data: dict[str, Any]) -> None:
    """Put one ``key=value`` of the command line into a spec's tables, the value read as TOML."""
    put(parts(override), _toml_value(override.partition("=")[2].strip()), data, f"--set {override}")


def options(given: Sequence[str]) -> dict[str, Any]:
    """The table of ``--option key=value``, values read as TOML; ``a.b=1`` makes a table ``a``."""
    table: dict[str, Any] = {}
    for option in given:
        key = parts(option, "--option", "runs_per_gpu=2")
        put(key, _toml_value(option.partition("=")[2].strip()), table, f"--option {option}")
    check_sizes(table)
    return table


def parts(
    override: str, flag: str = "--set", example: str = "protocol.epochs=5"
) -> tuple[str, ...]:
    """The parts of the key of ``key=value``, quoted ones as TOML has them: ``grid."a.b"=[1]``.

    Raises `BadInput` for an override that is not of that form.
    """
    key, equals, _ = override.partition("=")
    try:
        table: Any = read_toml(f"{key} = 0") if equals else {}
    except ValueError:
        table = {}
    found = []
    while isinstance(table, dict) and len(table) == 1:
        ((name, table),) = table.items()
        found.append(name)
    if table != 0:
        raise BadInput(f"{flag} {override!r}: write it as key=value, for example {example}")
    return tuple(found)


def put(key: Sequence[str], value: Any, data: dict[str, Any], where: str) -> None:
    """Set the value of a key, making the tables on the way; ``where`` is for messages."""
    *parents, last = key
    table = data
    for name in parents:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise BadInput(f"{where}: {name!r} is a value and has no keys below it")
    table[last] = value


def check_sizes(value: Any, key: str = "") -> None:
    """Raise `BadInput` for whole numbers of more than the 64 bits that TOML has, and torch."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise BadInput(f"{key} = {reprlib.repr(value)}: give a number of at most 64 bits")
    parts: Any = enumerate(value) if isinstance(value, list) else ()
    for name, part in value.items() if isinstance(value, dict) else parts:
        check_sizes(part, f"{key}.{name}" if key else name)


def _toml_value(text: str) -> Any:
    try:
        table = read_toml(f"value = {text}")
    except ValueError:
        return text
    return table["value"] if len(table) == 1 else text
