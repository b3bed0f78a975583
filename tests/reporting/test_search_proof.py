"""What the record of a run proves of the search that names it."""

from __future__ import annotations

from typing import Any

import pytest
from search_examples import tried

from benchmarks.reporting.search_proof import contradiction, setting

SPEC: dict[str, Any] = {
    "seed": 7,
    "strategy_args": {"eps": 1.0, "optimizer": "own", "rates": [1, 2]},
    "optimizer": {"lr": 0.1},
    "protocol": {"epochs": 3},
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("eps", 1.0),
        ("optimizer.lr", 0.1),
        ("optimizer", "own"),  # an argument of the method that has the name of a table
        ("protocol.keep", "best"),  # implied: records older than the key lack it
        ("patch_share", 1.0),  # implied likewise, of an argument
        ("absent", None),
    ],
)
def test_a_key_of_a_search_in_the_spec_of_a_run(key: str, value: object) -> None:
    assert setting(SPEC, key) == value


@pytest.mark.parametrize(
    ("said", "values", "found"),
    [
        ({"seed": 7, "evaluate_on": "test"}, {"eps": 1, "rates": [1.0, 2]}, None),
        ({"seed": 8}, {}, "seed = 8, where its record has 7"),
        ({"evaluate_on": "valid"}, {}, "evaluate_on = valid, where its record has test"),
        ({}, {"eps": True}, "eps = true, where its record has 1"),
        ({}, {"protocol.epochs": 4}, "protocol.epochs = 4, where its record has 3"),
    ],
)
def test_the_first_thing_that_a_record_denies(
    said: dict[str, Any], values: dict[str, Any], found: str | None
) -> None:
    assert contradiction(tried(50.0, **values), said, SPEC) == found
