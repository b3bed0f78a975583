"""The configurations that a search tries of each method, as runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

import baselines
from benchmarks.errors import BadInput, nearest
from benchmarks.grid import check_keys, check_variation
from benchmarks.overrides import put
from benchmarks.reporting.search_proof import setting
from benchmarks.seeds import derive
from benchmarks.spec import RunSpec, parse
from benchmarks.sweep_spec import SweepSpec, expand
from benchmarks.tuning.table import Axis, TuneTable, axes_of, read_tune, values_shown

LARGEST_GRID = 1000
"""Combinations of one method: each is checked before the budget is drawn from them."""


@dataclass(frozen=True)
class Tried:
    """One configuration of a method."""

    values: dict[str, Any]
    """Of every key that the search varies for this method, as the run has it."""
    runs: list[RunSpec]
    """One a seed."""


@dataclass(frozen=True)
class Candidates:
    """The configurations of one method, the spec's own first, the others in grid order."""

    strategy: str
    tried: list[Tried]
    there_are: int
    """Configurations that its grid has, the spec's own among them."""
    own_place: int | None
    """How many of the others come before the spec's own in the grid; None where it lacks it."""


def candidates(sweep: SweepSpec, where: str) -> list[Candidates]:
    """What the ``[tune]`` of a sweep tries of each of its methods.

    Every method gets ``budget`` configurations, or all that its grid has if these are fewer. Of
    more, the spec's own and a sample of the others without replacement, drawn by a seed that
    depends on the method's name alone: a larger budget tries the same ones and more. Raises
    `BadInput` for what `expand` refuses, for a search without a table, with a ``[grid]``, or on a
    seed of the comparison itself.
    """
    if not sweep.tune:
        raise BadInput(f"{where}: no table [tune]; give it budget, seeds and [tune.grid]")
    if sweep.grid:
        raise BadInput(f"{where}: has a [grid], so there is no one spec to tune; take it out")
    tune = read_tune(sweep.tune, f"{where}: tune")
    for seed in tune.seeds:
        if seed in sweep.seeds:
            raise BadInput(
                f"{where}: tune.seeds has {seed}, which is a seed of the comparison; hold back "
                f"others"
            )
    for name in tune.strategy:
        if name not in baselines.STRATEGIES:
            hint = nearest(name, baselines.STRATEGIES)
            raise BadInput(f"{where}: tune.strategy: unknown strategy {name!r}; {hint}")
    # Tables of strategies that do not run are checked too: a typo must not wait for its day.
    found = {
        name: _candidates(sweep, tune, name, f"{where}: tune")
        for name in dict.fromkeys([*sweep.strategies, *tune.strategy])
    }
    return [found[name] for name in sweep.strategies]


def _candidates(sweep: SweepSpec, tune: TuneTable, name: str, where: str) -> Candidates:
    axes = axes_of(tune, name, where)
    if math.prod(len(axis.values) for axis in axes) > LARGEST_GRID:
        raise BadInput(
            f"{where}.strategy.{name}: more than {LARGEST_GRID} combinations; list fewer values"
        )
    grid = {axis.name: values_shown(axis.values) for axis in axes}
    combinations = [dict(_overrides(axes, chosen)) for chosen in product(*map(_values, axes))]
    try:
        check_keys({f"strategy.{name}.{key}": [] for a in axes for key in a.keys}, where, ())
        own = _runs(sweep, tune, name, {})
        made = [_runs(sweep, tune, name, overrides) for overrides in combinations]
        check_variation(grid, [[run.id for run in runs] for runs in made])
    except BadInput as error:
        raise BadInput(f"{where} of {name}: {error}") from error
    # Values that are the spec's own give its runs, and are no configuration of their own.
    by_id = {runs[0].id: runs for runs in made}
    before = list(by_id).index(own[0].id) if own[0].id in by_id else None
    by_id.pop(own[0].id, None)
    others = list(by_id.values())
    drawn = _drawn(name, len(others), tune.budget - 1)
    keys = [key for axis in axes for key in axis.keys]
    tried = [own, *(others[number] for number in drawn)]
    return Candidates(
        name,
        [_tried(keys, runs) for runs in tried],
        1 + len(others),
        None if before is None else sum(number < before for number in drawn),
    )


def _tried(keys: Sequence[str], runs: list[RunSpec]) -> Tried:
    spec = runs[0].model_dump(mode="json")
    return Tried({key: setting(spec, key) for key in keys}, runs)


def _values(axis: Axis) -> tuple[tuple[Any, ...], ...]:
    return axis.values


def _overrides(axes: Sequence[Axis], chosen: Sequence[Sequence[Any]]) -> list[tuple[str, Any]]:
    return [
        pair
        for axis, values in zip(axes, chosen, strict=True)
        for pair in zip(axis.keys, values, strict=True)
    ]


def _runs(sweep: SweepSpec, tune: TuneTable, name: str, overrides: dict[str, Any]) -> list[RunSpec]:
    """One configuration with every held-back seed, evaluated on the validation images."""
    data = sweep.model_dump(exclude={"tune"}) | {
        "strategies": [name],
        "seeds": tune.seeds,
        "evaluate_on": "valid",
        "strategy": {key: table for key, table in sweep.strategy.items() if key == name},
    }
    for key, value in overrides.items():
        put(["strategy", name, *key.split(".")], value, data, repr(key))
    return expand(parse(SweepSpec, data, where="tune"))


def _drawn(name: str, there_are: int, wanted: int) -> list[int]:
    """Which of so many are tried, in order: all, or a sample that grows with ``wanted``."""
    # Of NumPy's generators the one whose draws never change.
    generator = np.random.RandomState(derive(0, "tune", name) % 2**32)
    return sorted(int(number) for number in generator.permutation(there_are)[:wanted])
