"""``[grid]``: a sweep with every combination of the values of some keys."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from benchmarks.errors import BadInput
from benchmarks.overrides import parts, put

Grid = Mapping[str, Sequence[Any]]

NOT_IN_GRID = ("seeds", "strategies", "stream", "grid", "tune")
"""A sweep lists its seeds and strategies itself, and is on one stream."""


def check_keys(grid: Grid, where: str, overrides: Sequence[str]) -> None:
    """Raise `BadInput` for a key that cannot vary, or that is set twice: by the grid and by an
    override of the command line, or by two keys of the grid."""
    overridden = {".".join(parts(override)) for override in overrides}
    for key in grid:
        if key.partition(".")[0] in NOT_IN_GRID:
            raise BadInput(f"{where}: grid.{key!r} cannot vary; write one spec for each value")
        for other in {*grid, *overridden} - {key}:
            if key.startswith(f"{other}."):
                raise BadInput(f"{where}: grid.{key!r} is a part of {other!r}; set one of them")
        if key in overridden:
            raise BadInput(
                f"--set {key}: the spec's [grid] varies it; leave it out, or give the grid other "
                f"values: --set 'grid.\"{key}\"=[...]'"
            )


def combinations(grid: Grid, data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables of a sweep without its grid, once for every combination, the last key fastest."""
    for values in product(*grid.values()):
        single = copy.deepcopy(dict(data))
        for key, value in zip(grid, values, strict=True):
            put(key.split("."), value, single, f"grid.{key!r}")
        yield single


def check_variation(grid: Grid, runs: Sequence[Sequence[str]]) -> None:
    """Raise `BadInput` for a key whose values change no run.

    ``runs``: the ids of each combination's runs, in the order of `combinations`.
    """
    chosen = list(product(*grid.values()))
    for position, (key, values) in enumerate(grid.items()):
        made: dict[str, list[Sequence[str]]] = {}
        for combination, ids in zip(chosen, runs, strict=True):
            made.setdefault(json.dumps(combination[position], default=str), []).append(ids)
        alike = len({json.dumps(ids) for ids in made.values()}) == 1
        if len(made) < len(values) or (len(values) > 1 and alike):
            raise BadInput(
                f"grid.{key!r} = {list(values)} changes no run: give different values of a setting "
                f"that one of the strategies has"
            )
