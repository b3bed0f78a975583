"""Runs of two methods, paired by their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.reporting.collect import Collection
from benchmarks.reporting.specs import SEED_KEYS

Seeds = tuple[object, ...]
"""The values of `SEED_KEYS`; None where a spec has no such key."""


def by_seeds(
    collection: Collection, stream: str, metrics: Sequence[str]
) -> dict[str, dict[str, dict[Seeds, float]]]:
    """{metric: {label: {seeds: value}}} of the finished runs in which the metric is defined.

    Runs of one label differ in their seeds alone, so of two with the same seeds, which only records
    made by hand can have, the first in table order counts.
    """
    runs = collection.of_stream(stream)
    runs = runs[runs["status"] == "finished"]
    columns = [f"spec.{key}" for key in SEED_KEYS]
    keys = runs.reindex(columns=columns)
    # Missing keys are NaN, which equals nothing.
    seeds = list(keys.where(keys.notna(), None).itertuples(index=False, name=None))
    found: dict[str, dict[str, dict[Seeds, float]]] = {}
    for metric in metrics:
        of_label = found.setdefault(metric, {})
        for label, key, value in zip(runs["label"], seeds, runs[metric], strict=True):
            if value == value:  # NaN is what an undefined metric is stored as
                of_label.setdefault(str(label), {}).setdefault(key, float(value))
    return found


def differences(one: Mapping[Seeds, float], other: Mapping[Seeds, float]) -> list[float]:
    """one - other of every pair of runs with the same seeds, in the order of `one`."""
    return [value - other[key] for key, value in one.items() if key in other]
