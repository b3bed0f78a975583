"""Runs that should have had the same images in the same tasks, and had not."""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.records import RunRecord
from benchmarks.reporting.specs import IMAGES, SPLIT, Flat


def unlike_splits(records: Mapping[str, RunRecord]) -> dict[str, Flat]:
    """{id: {"split_hash": the first twelve digits}} of the runs whose setting has several splits.

    The data set, the arguments of the stream and its class order decide the split; a run of other
    code, or on files that the hash of the data set does not cover, can have another. A record
    without a hash has an empty one there, and alone makes no difference.
    """
    found: dict[str, dict[str, str]] = {}
    for run, record in records.items():
        split = str(record.stream.get(SPLIT) or "")[:12]
        found.setdefault(_setting(record), {})[run] = split
    return {
        run: {SPLIT: split}
        for of_run in found.values()
        if len({*of_run.values()} - {""}) > 1
        for run, split in of_run.items()
    }


def _setting(record: RunRecord) -> str:
    spec = record.spec
    keys = ["stream", "stream_args", "class_order"]
    if spec.get("class_order") == "per_seed":
        keys.append("class_order_seed")
    decides = [spec.get(key) for key in keys]
    return json.dumps([*decides, record.stream.get(IMAGES)], sort_keys=True)
