"""What a check says: a verdict, what was found, and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.errors import one_line


@dataclass(frozen=True)
class Check:
    """One line of the report; made by `ok`, `note` and `off`."""

    name: str
    verdict: str
    found: str
    way: str = ""


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, "ok", found)


def note(name: str, found: str, way: str = "") -> Check:
    """Worth knowing, and nothing fails of it."""
    return Check(name, "note", found, way)


def off(name: str, found: str, way: str) -> Check:
    """Something fails of it until the user takes the way out."""
    return Check(name, "off", found, way)


def render(checks: Sequence[Check]) -> str:
    """One line a check, aligned, and the count of what is not ok."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        said = one_line("; ".join(filter(None, (check.found, check.way))))
        lines.append(f"{check.verdict:<4}  {check.name:<{width}}  {said}")
    counts = [sum(check.verdict == verdict for check in checks) for verdict in ("off", "note")]
    return "\n".join([*lines, f"{counts[0]} off, {counts[1]} to note, of {len(checks)} checks"])
