"""Whether a run was made as a published number was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.records import IMPLIED, RunRecord
from benchmarks.reporting.as_run import precision_of
from benchmarks.reporting.evaluated import evaluated_on
from benchmarks.reporting.published_entries import Protocol
from benchmarks.reporting.specs import Flat, at, flatten, show

_FAULTS = "strategy_args.as_released"


def obstacles(protocol: Protocol, record: RunRecord) -> list[str]:
    """Why the run cannot be held against a number of this protocol, a line each; empty: it can.

    The settings that differ share a line, ``differs: protocol.epochs: 10 here, 200 there``, and
    with them the arguments by which the run's method is not as it comes and the number's is not
    known to be; so do faults of the authors' code that the run brought back and the number is not
    said to have.
    """
    here = settings(record)
    differing = [
        f"{key}: {at(here, key)} here, {show(there)} there"
        for key, there in sorted(protocol.spec.items())
        if key not in here or here[key] != there
    ]
    if "precision" not in protocol.spec and here["precision"] != "fp32":
        differing.append(f"precision: {here['precision']} here, not known there")
    differing += [
        f"{key}: {at(here, key)} here, not known there" for key in _unaccounted(protocol, here)
    ]
    lines = [protocol.not_comparable] if protocol.not_comparable else []
    if evaluated_on(record) != "test":
        lines.append(f"{evaluated_on(record)} accuracy here, test accuracy there")
    if protocol.unknown:
        lines.append(f"not known there: {', '.join(protocol.unknown)}")
    if differing:
        lines.append(f"differs: {'; '.join(differing)}")
    own = sorted(
        _faults(here) - _faults(protocol.spec) - {d.as_released for d in protocol.departures}
    )
    if own:
        lines.append(f"as_released: {', '.join(own)} here")
    return lines


def _unaccounted(protocol: Protocol, here: Flat) -> list[str]:
    """Arguments of the method that the run sets and the protocol says nothing of: ``include``,
    ``heads``. None leaves the method as it is; of `_FAULTS` the departures tell."""
    said = {*protocol.spec, *protocol.unknown, _FAULTS}
    return sorted(
        key
        for key, value in here.items()
        if key.startswith("strategy_args.")
        and not said & {key, "strategy_args"}
        and value not in (None, IMPLIED.get(key))
    )


def departures(protocol: Protocol, record: RunRecord) -> list[str]:
    """What no obstacle says of how the number was got, less the faults that the run has too."""
    shared = _faults(settings(record))
    return [str(d) for d in protocol.departures if d.as_released not in shared]


def _faults(flat: Mapping[str, Any]) -> set[str]:
    found = flat.get(_FAULTS)
    return {str(fault) for fault in found} if isinstance(found, list) else set()


def settings(record: RunRecord) -> Flat:
    """The run's spec by dotted key, ``precision`` as it was run, with what its stream was:
    `published.toml` names these keys.

    From the record of the stream: ``stream.tasks``, and of every task ``stream.classes_per_task``
    and ``stream.samples_per_task`` (train, valid, test); a list with an entry a task where the
    tasks are not alike, absent where it was not recorded.
    """
    classes = [len(task) for task in record.stream.get("classes", [])]
    of_tasks = {
        "stream.classes_per_task": classes,
        "stream.samples_per_task": record.stream.get("samples", []),
    }
    return {
        **IMPLIED,
        **flatten(record.spec),
        "precision": precision_of(record),
        "stream.tasks": len(record.accuracy_matrix),
        **{key: _of_every_task(values) for key, values in of_tasks.items() if values},
    }


def _of_every_task(values: list[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else values
