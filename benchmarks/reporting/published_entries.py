"""What an entry of a file of published numbers may say: a value, and how it was got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from benchmarks.reporting.specs import flatten
from benchmarks.reporting.stats import summarise

Accuracy = Annotated[float, Field(ge=0, le=100)]
Transfer = Annotated[float, Field(ge=-100, le=100)]
Spread = Annotated[float, Field(ge=0)]
T = TypeVar("T")
Array = Annotated[tuple[T, ...], Field(strict=False)]
"""Of TOML, whose arrays are lists; the items are as strict as any value."""


@dataclass(frozen=True)
class Estimate:
    """A published mean, percent (of BWT: points), with what is known of its spread over runs."""

    mean: float
    std: float | None
    n: int | None
    """Runs; None where it is not said."""


class Entry(BaseModel):
    """A table of the file, its values taken as they are written: ``true`` is no 1.0."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SeedValue(Entry):
    """One run of a log."""

    seed: int
    acc: Accuracy
    bwt: Transfer | None = None


class Value(Entry):
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
    seeds: Array[SeedValue] = ()
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


class Departure(Entry):
    """In what a published number was got differently; bare text in the file, or a table."""

    text: str = Field(min_length=1)
    as_released: str = Field("", min_length=1)
    """The fault, as a run names it, by which the method's code departs from its paper."""

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    def __str__(self) -> str:
        fault = f" (as_released: {self.as_released})" if self.as_released else ""
        return self.text + fault


class Protocol(Entry):
    """``[protocol.NAME]``: how a published number was got."""

    base: str | None = None
    not_comparable: str = ""
    """Why no run of this harness can be held against it; empty: some can."""
    spec: dict[str, JsonValue] = {}
    """Settings that a comparable run has, by dotted key."""
    unknown: Array[str] = ()
    departures: Array[Departure] = ()

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
