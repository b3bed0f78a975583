"""How runs are called on the screen and in logs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.reporting.specs import flatten, labels
from benchmarks.spec import RunSpec


def kinds(specs: Sequence[RunSpec]) -> dict[str, str]:
    """The kind of each run by id, as the tables label it: its strategy, and in what it differs
    from others of that strategy and stream where it was asked for in several ways."""
    found: dict[str, str] = {}
    for stream in dict.fromkeys(spec.stream for spec in specs):
        flat = {
            spec.id: (spec.strategy, flatten(spec.model_dump(mode="json")))
            for spec in specs
            if spec.stream == stream
        }
        found |= labels(flat)
    return found


def name(spec: RunSpec, kind: str) -> str:
    """A run of a kind by its seed."""
    return f"{kind} seed {spec.seed}"
