"""Under which conditions the runs of a report were made: settings, arguments, machines, code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.records import RunRecord
from benchmarks.reporting.as_run import as_run
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.short_labels import shortened
from benchmarks.reporting.specs import SEED_KEYS, Flat, at, flatten, show

VERSIONS = ("ness", "torch", "torchvision", "avalanche-lib", "numpy", "scikit-learn", "python")
"""What an environment says of the software, the most telling first."""


def settings(record: RunRecord) -> Flat:
    """A run's spec by dotted key, with what the spec left open."""
    return flatten(record.spec) | as_run(record)


def shared_settings(collection: Collection, stream: str) -> dict[str, str]:
    """The settings that all runs of a stream have, as shown."""
    specs = [settings(collection.records[str(run)]) for run in collection.of_stream(stream).index]
    first = specs[0] if specs else {}
    keys = sorted({key for flat in specs for key in flat})
    return {key: at(first, key) for key in keys if _is_shared(key, first, specs)}


def _is_shared(key: str, first: Flat, specs: Sequence[Flat]) -> bool:
    value, shown = first.get(key), at(first, key)
    # What is equal need not be shown, which of thousands of runs takes seconds.
    return all(
        (key in flat and type(flat[key]) is type(value) and flat[key] == value)
        or at(flat, key) == shown
        for flat in specs
    )


def own_settings(collection: Collection, stream: str) -> list[tuple[str, str]]:
    """(label, settings) of every method: those that the runs of the stream do not all have.

    Seeds are left out; runs of one label have the same settings.
    """
    shared = shared_settings(collection, stream)
    rows = []
    for label, own in collection.of_stream(stream).groupby("label", sort=False):
        flat = settings(collection.records[str(own.index[0])])
        named = ", ".join(
            f"{key.removeprefix('strategy_args.')} = {shortened(at(flat, key))}"
            for key in sorted(flat)
            if key not in shared and key not in (*SEED_KEYS, "strategy")
        )
        rows.append((str(label), named))
    return rows


def environments(collection: Collection) -> list[tuple[str, list[tuple[str, int]]]]:
    """(key, [(value, runs)]) of all that the runs say of where they were made, as they began."""
    counts: dict[str, Counter[str]] = {}
    for record in collection.records.values():
        for key, value in record.environment.items():
            if key != "moves":
                counts.setdefault(key, Counter())[_plain(value)] += 1
    return [(key, sorted(found.items())) for key, found in sorted(counts.items())]


def moved(collection: Collection) -> int:
    """How many runs went on in another place than they began in."""
    return sum(bool(record.environment.get("moves")) for record in collection.records.values())


def code(collection: Collection) -> tuple[list[str], int]:
    """The commits of the runs, and how many runs had changes that were not committed."""
    found: list[Mapping[str, Any]] = [r.environment for r in collection.records.values()]
    commits = sorted({str(e["git_commit"])[:12] for e in found if e.get("git_commit")})
    return commits, sum(bool(e.get("git_dirty")) for e in found)


def versions(collection: Collection) -> list[str]:
    """``torch 2.14.1``, with every version that any run had."""
    found = dict(environments(collection))
    return [
        f"{name} {', '.join(value for value, _ in found[name])}"
        for name in VERSIONS
        if name in found
    ]


def _plain(value: object) -> str:
    return "none" if value is None else value if isinstance(value, str) else show(value)
