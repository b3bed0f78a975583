"""Faults of the authors' code, in the number and in the run."""

from __future__ import annotations

import pytest
from reporting_records import MakeRecord

from benchmarks.reporting.comparability import departures, obstacles
from benchmarks.reporting.published_entries import Departure, Protocol

FAULTY = Protocol(
    departures=(
        Departure(as_released="one_less", text="a direction less"),
        Departure(text="other images"),
    )
)


@pytest.mark.parametrize(
    ("faults", "besides", "obstacle"),
    [
        ([], ["a direction less (as_released: one_less)", "other images"], []),
        (["one_less"], ["other images"], []),
        (["one_less", "z", "a"], ["other images"], ["as_released: a, z here"]),
        (
            ["z"],
            ["a direction less (as_released: one_less)", "other images"],
            ["as_released: z here"],
        ),
    ],
)
def test_a_fault_sets_apart_those_who_do_not_share_it(
    make: MakeRecord, faults: list[str], besides: list[str], obstacle: list[str]
) -> None:
    record = make("gpm", spec={"strategy_args.as_released": faults} if faults else {})
    assert departures(FAULTY, record) == besides
    assert obstacles(FAULTY, record) == obstacle


def test_a_fault_among_the_settings_of_a_number_is_its_own(make: MakeRecord) -> None:
    protocol = Protocol(spec={"strategy_args": {"as_released": ["z"]}})
    assert obstacles(protocol, make(spec={"strategy_args.as_released": ["z"]})) == []
    assert obstacles(protocol, make()) == [
        'differs: strategy_args.as_released: unset here, ["z"] there'
    ]


FOUND = ["include: fc1", "r: 4"]


@pytest.mark.parametrize(
    ("set_here", "obstacle"),
    [
        ({"include": None, "exclude": None, "heads": None}, []),
        ({"patch_share": 1.0}, []),
        ({"samples": 12}, []),
        (
            {"include": "fc1", "r": 4},
            ["differs: " + "; ".join(f"strategy_args.{x} here, not known there" for x in FOUND)],
        ),
        ({"heads": "train"}, ["differs: strategy_args.heads: train here, not known there"]),
        ({"exclude": []}, ["differs: strategy_args.exclude: [] here, not known there"]),
        ({"patch_share": 0.01}, ["differs: strategy_args.patch_share: 0.01 here, not known there"]),
        ({"trust": 0}, ["differs: strategy_args.trust: 0 here, not known there"]),
    ],
)
def test_a_method_that_is_not_as_it_comes_is_another(
    make: MakeRecord, set_here: dict[str, object], obstacle: list[str]
) -> None:
    arguments = {"threshold": 0.97, **set_here}
    record = make("gpm", spec={"strategy_args": arguments})
    protocol = Protocol(spec={"strategy_args": {"threshold": 0.97}})
    partly = protocol.model_copy(update={"unknown": ("strategy_args.samples",)})
    unknown = "not known there: strategy_args.samples"
    if "samples" not in set_here:
        assert obstacles(protocol, record) == obstacle
    assert obstacles(partly, record) == [unknown, *obstacle]
    wholly = protocol.model_copy(update={"unknown": ("strategy_args",)})
    assert obstacles(wholly, record) == ["not known there: strategy_args"]


@pytest.mark.parametrize(
    ("spec", "there", "obstacle"),
    [
        ({"precision": "fp32"}, {}, []),
        ({"precision": "bf16"}, {}, ["differs: precision: bf16 here, not known there"]),
        ({"precision": "bf16"}, {"precision": "bf16"}, []),
        ({}, {"precision": "bf16"}, ["differs: precision: fp32 here, bf16 there"]),
    ],
)
def test_a_number_of_unsaid_precision_is_one_of_fp32(
    make: MakeRecord, spec: dict[str, str], there: dict[str, str], obstacle: list[str]
) -> None:
    assert obstacles(Protocol.model_validate({"spec": there}), make(spec=spec)) == obstacle


def test_a_departure_without_a_fault_may_be_bare_text() -> None:
    protocol = Protocol.model_validate({"departures": ["other images"]})
    assert protocol.departures == (Departure(text="other images"),)
