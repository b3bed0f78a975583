"""Whether the seconds of several runs were measured under the same conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.records import RunRecord
from benchmarks.reporting.specs import who_has_what

MEASURED_ON = ("host", "cpu", "cores", "gpu", "threads", "torch")
"""What a record's environment says that seconds depend on."""

_UNKNOWN = "unknown"


def unequal(runs: Mapping[str, Sequence[RunRecord]]) -> dict[str, str]:
    """What the runs of these labels differ in, and which has what: {"host": "a (gpm); b (ness)"}.

    Empty where all agree in what was recorded. A run that went on elsewhere has both places.
    """
    differing = {}
    for key in MEASURED_ON:
        of_label = {
            label: dict.fromkeys(place for record in records for place in _places(record, key))
            for label, records in runs.items()
        }
        if len({place for places in of_label.values() for place in places}) > 1:
            differing[key] = who_has_what({k: ", ".join(places) for k, places in of_label.items()})
    return differing


def unequal_notes(runs: Mapping[str, Sequence[RunRecord]]) -> list[str]:
    """Lines for under a table: that seconds cannot be compared across its rows, and why."""
    differing = unequal(runs)
    if not differing:
        return []
    return [
        "Seconds were measured under different conditions, compare them only where these agree:",
        *(f"- {key} = {which}" for key, which in differing.items()),
    ]


def places(record: RunRecord) -> list[Mapping[str, Any]]:
    """Where a run was made: its environment, and what is known of each place that it went on in."""
    moves = record.environment.get("moves")
    # A record's environment is free to say anything: it is for people.
    went = [m for m in moves if isinstance(m, dict)] if isinstance(moves, list) else []
    return [record.environment, *went]


def _places(record: RunRecord, key: str) -> Iterable[str]:
    environment, *went = places(record)
    for place in (environment, *(move for move in went if key in move)):
        # A record says no GPU by null, and what it does not know by nothing or null.
        value = place.get(key)
        absent = "none" if key == "gpu" and key in place else _UNKNOWN
        yield absent if value is None else str(value)
