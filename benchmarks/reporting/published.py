"""The numbers that papers and logs give, and how they were got: `published.toml` read."""

from __future__ import annotations

import tomllib
from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from benchmarks.errors import BadInput, nearest
from benchmarks.records import first_fault
from benchmarks.reporting.published_entries import Entry, Protocol, Value

SHIPPED = Path(__file__).with_name("published.toml")

COMPARED = {"acc": "ACC", "bwt": "BWT"}
"""The metrics that are published, with their labels."""

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Published:
    """All published values of a file, in its order."""

    values: tuple[Value, ...]
    protocols: dict[str, Protocol]
    tolerance: float
    """Points that a measured mean may be away where the value sets no tolerance of its own."""

    def of_stream(self, stream: str) -> list[Value]:
        """The values of one stream, in the file's order."""
        return [value for value in self.values if value.stream == stream]

    def tolerance_of(self, value: Value) -> float:
        """Points that a measured mean may be away from this value, either way."""
        return self.tolerance if value.tolerance is None else value.tolerance


def read_published(path: Path = SHIPPED, strategies: Names[str] | None = None) -> Published:
    """Read the published values; `BadInput` names the entry that is wrong.

    ``strategies``: the registered names, which a value has to have one of; None: not checked,
    for whoever would have to import torch to know them.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror}); give a file like {SHIPPED}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not valid TOML ({error}); correct it there") from error
    _require_printable(data, str(path))
    file = _parse(_File, data, str(path))
    protocols: dict[str, Protocol] = {}
    for name, table in file.protocol.items():
        where = f"{path}: protocol.{name}"
        protocol = _parse(Protocol, table, where)
        if protocol.base is not None:
            _known(protocol.base, protocols, f"{where}: base: no protocol above is named")
            protocol = protocol.on(protocols[protocol.base])
        protocols[name] = protocol
    values = []
    for number, table in enumerate(file.value, start=1):
        named = f"{table.get('strategy', '?')} on {table.get('stream', '?')}"
        where = f"{path}: value {number} ({named})"
        value = _parse(Value, table, where)
        _known(value.protocol, protocols, f"{where}: unknown protocol")
        if strategies is not None:
            _known(value.strategy, strategies, f"{where}: unknown strategy")
        values.append(value)
    return Published(tuple(values), protocols, file.tolerance)


class _File(Entry):
    tolerance: float = Field(gt=0)
    protocol: dict[str, dict[str, Any]] = Field(default_factory=dict)
    value: list[dict[str, Any]] = Field(default_factory=list)


def _parse(model: type[T], table: Mapping[str, Any], where: str) -> T:
    for key in table:
        if key not in model.model_fields:
            raise BadInput(f"{where}: unknown key {key!r}; {nearest(key, model.model_fields)}")
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise BadInput(f"{where}: {first_fault(error)}") from error


def _known(name: str, names: Names[str], complaint: str) -> None:
    if name not in names:
        raise BadInput(f"{complaint} {name!r}; {nearest(name, names)}")


def _require_printable(item: object, place: str) -> None:
    """Refuse what could steer a terminal: names and sources are printed as they are."""
    if isinstance(item, Mapping):
        for key, value in item.items():
            _require_printable(key, f"{place}: a key")
            _require_printable(value, f"{place}: {key}")
    elif isinstance(item, list):
        for number, value in enumerate(item, start=1):
            _require_printable(value, f"{place} {number}")
    elif isinstance(item, str) and not item.isprintable():
        sign = next(sign for sign in item if not sign.isprintable())
        raise BadInput(f"{place} holds {sign!r}, which does not print; write it without")
