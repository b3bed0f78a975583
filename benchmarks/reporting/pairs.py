"""Runs of two methods, paired by their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from benchmarks.records import IMPLIED
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.specs import APART, SEED_KEYS


class Trial(NamedTuple):
    """What two runs have to share to be a pair."""

    seeds: tuple[object, ...]
    """The values of `SEED_KEYS`; None where a spec has no such key."""
    question: tuple[object, ...]
    """The values of `APART`: which images the accuracies are on, and over how many tasks."""


Values = Mapping[Trial, float]
"""One metric of one label."""


def by_seeds(
    collection: Collection, stream: str, metrics: Sequence[str]
) -> dict[str, dict[str, dict[Trial, float]]]:
    """{metric: {label: {trial: value}}} of the finished runs in which the metric is defined.

    Runs of one label differ in their seeds alone, so of two with the same seeds, which only records
    made by hand can have, the first in table order counts.
    """
    runs = collection.of_stream(stream)
    runs = runs[runs["status"] == "finished"]
    columns = [f"spec.{key}" for key in SEED_KEYS]
    keys = runs.reindex(columns=columns)
    # Missing keys are NaN, which equals nothing.
    seeds = keys.where(keys.notna(), None).itertuples(index=False, name=None)
    trials = list(map(Trial, seeds, _questions(runs)))
    found: dict[str, dict[str, dict[Trial, float]]] = {}
    for metric in metrics:
        of_label = found.setdefault(metric, {})
        for label, trial, value in zip(runs["label"], trials, runs[metric], strict=True):
            if value == value:  # NaN is what an undefined metric is stored as
                of_label.setdefault(str(label), {}).setdefault(trial, float(value))
    return found


def questions(collection: Collection, stream: str) -> dict[str, tuple[object, ...]]:
    """{label: the values of `APART`}: only labels with the same can be ranked together."""
    runs = collection.of_stream(stream)
    return dict(zip(map(str, runs["label"]), _questions(runs), strict=True))


def differences(one: Values, other: Values) -> list[float]:
    """one - other of every pair of runs, in the order of `one`."""
    return [value - other[key] for key, value in one.items() if key in other]


def keeps_apart(one: Values, other: Values) -> str:
    """Why runs with the same seeds are no pairs: ``other images`` or ``other tasks``; else ""."""
    theirs = {trial.seeds: trial.question for trial in other}
    for seeds, question in one:
        if seeds in theirs and theirs[seeds] != question:
            differing = {
                key for key, a, b in zip(APART, question, theirs[seeds], strict=True) if a != b
            }
            return "other tasks" if differing == {"tasks"} else "other images"
    return ""


def _questions(runs: pd.DataFrame) -> list[tuple[object, ...]]:
    columns = ["tasks" if key == "tasks" else f"spec.{key}" for key in APART]
    found = runs.reindex(columns=columns)
    for key, column in zip(APART, columns, strict=True):
        if key in IMPLIED:
            found[column] = found[column].where(found[column].notna(), IMPLIED[key])
    found = found.astype(object).where(found.notna(), None)
    return list(found.itertuples(index=False, name=None))
