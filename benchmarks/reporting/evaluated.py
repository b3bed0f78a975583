"""Which images the accuracies of runs are on: those of the test, unless a spec says otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.records import RunRecord
from benchmarks.reporting.specs import at

EVALUATE_ON = "evaluate_on"
"""The key of a spec that says it."""

_WORDS = {"test": "test", "valid": "validation"}


def evaluated_on(record: RunRecord) -> str:
    """``test`` or ``validation``."""
    value = at(record.spec, EVALUATE_ON)
    return _WORDS.get(value, value)


def not_the_test(*runs: Iterable[RunRecord]) -> str:
    """What goes before "accuracy" where it is not that of the test alone, with a space behind it:
    ``validation`` or ``test or validation``; empty where it is."""
    words = sorted({evaluated_on(record) for records in runs for record in records})
    return "" if words in ([], ["test"]) else f"{' or '.join(words)} "
