"""How a run was computed where its spec leaves that open, or asked for what could not be had."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.records import RunRecord
from benchmarks.reporting.conditions import places
from benchmarks.reporting.specs import Flat

PRECISION, COMPILE = "environment.precision", "environment.compile"
EAGER = "eager"


def as_run(record: RunRecord) -> Flat:
    """What is to be told apart beside the run's spec: which precision ``auto`` became, and whether
    the net was compiled after all. Of a run that moved, both values: ``bf16+fp32``.
    """
    flat: Flat = {}
    if record.spec.get("precision") == "auto":
        flat[PRECISION] = "+".join(_values(record, "precision"))
    if record.spec.get("compile"):
        values = (value.partition(":")[0] for value in _values(record, "compile"))
        flat[COMPILE] = "+".join(dict.fromkeys(values))
    return flat


def precision_of(record: RunRecord) -> str:
    """What it was computed in: ``fp32``, ``bf16``, or both of a run that moved."""
    return str(as_run(record).get(PRECISION, record.spec.get("precision", "fp32")))


def fallbacks(records: Iterable[RunRecord]) -> list[str]:
    """That some of the runs were not compiled to their end, and why, as notes under a table."""
    asked = [record for record in records if record.spec.get("compile")]
    why = [
        [value for value in _values(record, "compile") if value.startswith(EAGER)]
        for record in asked
    ]
    fell = [reasons[0] for reasons in why if reasons]
    if not fell:
        return []
    first = fell[0].removeprefix(f"{EAGER}: ")
    return [
        f"torch.compile fell back to the plain net in {len(fell)} of {len(asked)} runs: {first}"
    ]


def _values(record: RunRecord, key: str) -> list[str]:
    """All that a run's environment says of it, from the first task on, each once."""
    return list(dict.fromkeys(str(place[key]) for place in places(record) if key in place))
