"""The parts of a metric's docstring."""

from __future__ import annotations

from benchmarks.reporting.definitions import Definition, parse


def test_every_part_is_a_line() -> None:
    doc = """X = 1/T sum_j R[j], j from
    1 on.

    Something to know.

    Source. A paper,
    eq. 1.

    Undefined. Never.

    Source of wonder.
    """
    assert parse(doc) == Definition(
        formula="X = 1/T sum_j R[j], j from 1 on.",
        remarks="Something to know. Source of wonder.",
        source="A paper, eq. 1.",
        undefined="Never.",
    )


def test_what_is_absent_is_empty() -> None:
    assert parse("Bytes kept.") == Definition("Bytes kept.", "", "", "")
