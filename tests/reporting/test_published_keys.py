"""A misspelt setting in published.toml would make its number comparable with no run, ever."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

import baselines
from benchmarks.arguments import complete
from benchmarks.backbones import BACKBONES
from benchmarks.reporting.published import read_published
from benchmarks.reporting.published_entries import Value
from benchmarks.spec import OptimizerSpec, ProtocolSpec, RunSpec
from benchmarks.streams import STREAMS

FROM_THE_RECORD = {"tasks", "classes_per_task", "samples_per_task"}

PUBLISHED = read_published()


def test_every_fault_is_one_of_its_method() -> None:
    named = {
        (value.strategy, departure.as_released)
        for value in PUBLISHED.values
        for departure in PUBLISHED.protocols[value.protocol].departures
        if departure.as_released
    }
    assert {strategy for strategy, _ in named} == {"gpm", "trgp", "dfgp", "adam_nscl"}
    for strategy, fault in named:
        faults = get_type_hints(baselines.load(strategy).__init__)["as_released"]
        assert fault in get_args(get_args(faults)[0])


@pytest.mark.parametrize(
    "value", PUBLISHED.values, ids=lambda v: f"{v.protocol}-{v.strategy}-{v.acc}"
)
def test_every_argument_of_a_method_is_said_or_unknown(value: Value) -> None:
    # Else no run, not one with the method as it comes, could be held against the number.
    protocol = PUBLISHED.protocols[value.protocol]
    if protocol.not_comparable or "strategy_args" in protocol.unknown:
        return
    function = baselines.load(value.strategy)
    for key, default in complete(function, {}, where="", skip=frozenset()).items():
        said = {*protocol.spec, *protocol.unknown}
        assert default is None or f"strategy_args.{key}" in said, key


def tables_of(value: Value) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for key, setting in PUBLISHED.protocols[value.protocol].spec.items():
        table, _, name = key.partition(".")
        if name:
            tables.setdefault(table, {})[name] = setting
        else:
            tables[table] = setting
    return tables


@pytest.mark.parametrize(
    "value", PUBLISHED.values, ids=lambda v: f"{v.protocol}-{v.strategy}-{v.acc}"
)
def test_every_setting_is_one_of_a_run(value: Value) -> None:
    tables = tables_of(value)
    assert set(tables.pop("stream", {})) <= FROM_THE_RECORD
    assert set(tables) <= set(RunSpec.model_fields)
    assert set(tables.get("optimizer", {})) <= set(OptimizerSpec.model_fields)
    assert set(tables.get("protocol", {})) <= set(ProtocolSpec.model_fields)
    assert tables.get("backbone", "alexnet") in BACKBONES
    checked = {
        "strategy_args": (baselines.load(value.strategy), frozenset()),
        "stream_args": (STREAMS.get(value.stream), frozenset({"name", "context"})),
        "backbone_args": (
            BACKBONES.get(tables.get("backbone", "")),
            frozenset({"heads", "input_shape"}),
        ),
    }
    for name, (function, skip) in checked.items():
        if name in tables and function is not None:  # a stream may not be here yet
            # As stored in a spec, so that 20 and 20.0, or a tuple and a list, are no difference.
            stored = complete(function, tables[name], where=name, skip=skip)
            assert stored.items() >= tables[name].items()
