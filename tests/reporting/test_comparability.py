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


def test_a_departure_without_a_fault_may_be_bare_text() -> None:
    protocol = Protocol.model_validate({"departures": ["other images"]})
    assert protocol.departures == (Departure(text="other images"),)
