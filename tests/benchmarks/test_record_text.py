"""What the checksum of a record proves without a second look."""

from __future__ import annotations

import json

import pytest
from test_records import RESNET18, full_record, record

from benchmarks.integrity import CHECKSUM, hash_of
from benchmarks.record_text import proven


def test_what_its_checksum_proves_needs_no_closer_look() -> None:
    written = json.loads(record().to_json())
    del written[CHECKSUM]
    assert proven(record().to_json().encode()) == written
    assert proven(json.dumps(written).encode()) is None


def test_the_longest_record_is_proven_by_the_text_of_its_rows() -> None:
    longest = full_record(20, RESNET18)
    longest.lowest_accuracy = longest.accuracy_matrix
    written = json.loads(longest.to_json())
    del written[CHECKSUM]
    assert proven(longest.to_json().encode()) == written
    assert proven(longest.to_json().replace("1234.567", "1234.568", 1).encode()) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"seed": 1', '"seed": 2'),
        ('"seed": 1', '"seed": 7, "seed": 1'),
        ('"seed": 1', r'"\u0073eed": 1'),
        ('"error": null', '"error": NaN'),
        ("{\n", "[{\n"),
        ("\n}", ""),
    ],
)
def test_a_checksum_that_fits_does_not_prove_what_it_cannot(old: str, new: str) -> None:
    """A key that is there twice leaves the hash of the value as it was."""
    text = record().to_json()
    assert text.count(old) == 1
    assert proven(text.replace(old, new).encode()) is None


def test_a_checksum_of_what_is_no_number_proves_nothing() -> None:
    value = {"a": float("nan")}
    assert proven(json.dumps(value | {CHECKSUM: hash_of(value)}).encode()) is None
