"""The numbers that papers and logs give, and how they were got: `published.toml` read."""

from __future__ import annotations

import tomllib
from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from benchmarks.errors import BadInput, nearest
from benchmarks.records import first_fault
from benchmarks.reporting.specs import Flat, flatten
from benchmarks.reporting.stats import summarise

SHIPPED = Path(__file__).with_name("published.toml")

COMPARED = {"acc": "ACC", "bwt": "BWT"}
"""The metrics that are published, with their labels."""

Accuracy = Annotated[float, Field(ge=0, le=100)]
Transfer = Annotated[float, Field(ge=-100, le=100)]
Spread = Annotated[float, Field(ge=0)]
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Estimate:
    """A published mean, percent (of BWT: points), with what is known of its spread over runs."""

    mean: float
    std: float | None
    n: int | None
    """Runs; None where it is not said."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SeedValue(_Table):
    """One run of a log."""

    seed: int
    acc: Accuracy
    bwt: Transfer | None = None


class Value(_Table):
    """``[[value]]``: one published number, its ACC and where known its BWT."""

    strategy: str
    stream: str
    kind: Literal["reported", "rerun", "log"]
    source: str = Field(min_length=1)
    protocol: str
    acc: Accuracy | None = None
    acc_std: Spread | None = None
    bwt: Transfer | None = None
    bwt_std: Spread | None = None
    n: int | None = Field(None, ge=1)
    seeds: tuple[SeedValue, ...] = ()
    tolerance: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        means = (self.acc, self.acc_std, self.bwt, self.bwt_std, self.n)
        if self.seeds and any(mean is not None for mean in means):
            raise ValueError("give seeds, or acc, bwt, their std and n; not both")
        if not self.seeds and self.acc is None:
            raise ValueError("acc is missing; give it, or seeds")
        if len({run.seed for run in self.seeds}) < len(self.seeds):
            raise ValueError("seeds lists a seed twice; name it once")
        if self.bwt is None and self.bwt_std is not None:
            raise ValueError("bwt_std without bwt; give both")
        return self

    @property
    def citation(self) -> str:
        """What kind of number it is, over how many runs, and where it was read."""
        found = self.estimate("acc")
        runs = "n unknown" if found is None or found.n is None else f"n = {found.n}"
        return f"{self.kind}, {runs}: {self.source}"

    def estimate(self, metric: str) -> Estimate | None:
        """The published ``acc`` or ``bwt``; None where it was not published."""
        if self.seeds:
            runs = [getattr(run, metric) for run in self.seeds]
            known = [value for value in runs if value is not None]
            found = summarise(known) if known else None
            return None if found is None else Estimate(found.mean, found.std, found.n)
        mean = getattr(self, metric)
        return None if mean is None else Estimate(mean, getattr(self, f"{metric}_std"), self.n)


class Protocol(_Table):
    """``[protocol.NAME]``: how a published number was got."""

    base: str | None = None
    not_comparable: str = ""
    """Why no run of this harness can be held against it; empty: some can."""
    spec: Flat = {}
    """Settings that a comparable run has, by dotted key."""
    unknown: tuple[str, ...] = ()
    departures: tuple[str, ...] = ()

    @field_validator("spec", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return flatten(value) if isinstance(value, Mapping) else value

    def on(self, base: Protocol) -> Protocol:
        """This protocol with what it takes over from another."""
        return Protocol(
            not_comparable=self.not_comparable or base.not_comparable,
            spec={**base.spec, **self.spec},
            unknown=(*base.unknown, *self.unknown),
            departures=(*base.departures, *self.departures),
        )


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


class _File(_Table):
    tolerance: float = Field(gt=0)
    protocol: dict[str, dict[str, Any]] = {}
    value: list[dict[str, Any]] = []


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
