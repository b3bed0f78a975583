"""What is looked at before the first run of a sweep is trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import BadInput
from benchmarks.records import RunRecord, read_all
from benchmarks.reporting.specs import SEED_KEYS
from benchmarks.spec import RunSpec


def check_all(
    specs: Sequence[RunSpec], out: Path | None, data_dir: Path | None, *, here: bool = True
) -> None:
    """Raise `BadInput` if one of the specs cannot run, or runs in ``out`` are on other data.

    Each stream is loaded once, and of runs that differ in their seeds the first stands for all.
    ``here``: whether they run on this machine.
    """
    from benchmarks.build import load_stream
    from benchmarks.run import check

    groups: dict[str, dict[str, RunSpec]] = {}
    for spec in specs:
        groups.setdefault(_stream_of(spec), {}).setdefault(_unseeded(spec), spec)
    for same_stream in groups.values():
        first = next(iter(same_stream.values()))
        stream = load_stream(first, data_dir)
        for record in read_all(out, first.stream) if out is not None else ():
            # A damaged one is named where it is due.
            if isinstance(record, RunRecord):
                _require_same_data(record, first, stream.data_hash)
        for spec in same_stream.values():
            check(spec, stream, here=here)


def _require_same_data(record: RunRecord, spec: RunSpec, data_hash: str) -> None:
    stored, made_on = record.spec, record.stream.get("data_hash")
    if (stored["stream"], stored.get("stream_args")) != (spec.stream, spec.stream_args):
        return
    if made_on != data_hash:
        raise BadInput(
            f"run {record.id} ({stored['strategy']}, seed {stored.get('seed')}) was made on other "
            f"images of {spec.stream} (data hash {str(made_on)[:12]}) than the data folder has now "
            f"({data_hash[:12]}): give another --out, or put the old data back"
        )


def _stream_of(spec: RunSpec) -> str:
    return json.dumps([spec.stream, spec.stream_args, spec.class_order], sort_keys=True)


def _unseeded(spec: RunSpec) -> str:
    return spec.model_copy(update=dict.fromkeys(SEED_KEYS, 0)).id
