"""``[tune]`` of a sweep: how many configurations of each method are tried, and which there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from benchmarks.errors import BadInput
from benchmarks.spec import Seed, Table, parse

COMMON = ("optimizer", "protocol")
"""What every method has and may have of its own: all that ``[tune.grid]`` can vary."""


class TuneTable(Table):
    """``[tune]`` as written. A key of a grid is an argument of the method, or ``optimizer.x`` or
    ``protocol.x`` of its own."""

    budget: int = Field(ge=2)
    """Configurations of each method, the spec's own among them."""
    seeds: list[Seed] = Field(min_length=1)
    grid: dict[str, Any] = Field(default_factory=dict)
    """Of every method: optimiser and protocol alone."""
    strategy: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Of one method, added to `grid`. ``"a, b" = [[1, 2], [3, 4]]`` varies two keys together, and
    an empty list takes a key of `grid` away."""


@dataclass(frozen=True)
class Axis:
    """Keys that vary together, and the values that they take: one for each key."""

    keys: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    @property
    def name(self) -> str:
        """As it is written in the spec."""
        return ", ".join(self.keys)


def read_tune(data: Mapping[str, Any], where: str) -> TuneTable:
    """The table, its form checked; `BadInput` names ``where`` and the key."""
    tune = parse(TuneTable, data, where=where)
    if len(set(tune.seeds)) < len(tune.seeds):
        raise BadInput(f"{where}: seeds = {tune.seeds} has one twice; name it once")
    for axis in _axes(tune.grid, f"{where}.grid"):
        for key in axis.keys:
            if key.partition(".")[0] not in COMMON or "." not in key:
                raise BadInput(
                    f"{where}.grid: {key!r} is not of every method; put it into "
                    f"[tune.strategy.<name>], or give a key of optimizer or protocol"
                )
    for name in tune.strategy:
        axes_of(tune, name, where)
    return tune


def axes_of(tune: TuneTable, strategy: str, where: str) -> list[Axis]:
    """What varies for a method: the common axes, less those that it replaces, then its own."""
    inside = f"{where}.strategy.{strategy}"
    own = list(_axes(tune.strategy.get(strategy, {}), inside))
    keys = [key for axis in own for key in axis.keys]
    for key in keys:
        if keys.count(key) > 1:
            raise BadInput(f"{inside}: {key!r} is varied twice; name it once")
    common = [axis for axis in _axes(tune.grid, f"{where}.grid") if not {*axis.keys} & {*keys}]
    return [axis for axis in [*common, *own] if axis.values]


def _axes(grid: Mapping[str, Any], where: str) -> Iterator[Axis]:
    for key, values in _flat(grid):
        if not isinstance(values, list):
            raise BadInput(f"{where}: {key!r} = {values!r} is no list; give the values to try")
        keys = tuple(part.strip() for part in key.split(","))
        rows = [value if len(keys) > 1 else [value] for value in values]
        for row in rows:
            if not isinstance(row, list) or len(row) != len(keys):
                raise BadInput(
                    f"{where}: {key!r} has {row!r}; give a list of {len(keys)} values, one a key"
                )
        yield Axis(keys, tuple(tuple(row) for row in rows))


def _flat(grid: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys that TOML has read as tables, ``optimizer.lr`` without quotes, dotted again."""
    for key, value in grid.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def values_shown(values: Sequence[Any]) -> list[Any]:
    """Those of an axis as written: single ones bare."""
    return [value[0] if len(value) == 1 else list(value) for value in values]
