"""The notes under the table of one stream: what its reader has to know."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.records import RunRecord
from benchmarks.reporting.as_run import as_run, fallbacks
from benchmarks.reporting.cells import Row
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.numbers import NOTHING
from benchmarks.reporting.order import UPPER_BOUNDS
from benchmarks.reporting.specs import IMAGES, SPLIT, confounds, flatten, show, who_has_what
from benchmarks.reporting.stats import Summary


def seeds(runs: pd.DataFrame) -> str:
    """``seed 1``, ``seeds 1, 2`` or, of more than three in a row, ``seeds 1 to 5``."""
    spans: list[list[Any]] = []
    for seed in runs["seed"]:
        if spans and isinstance(seed, int) and spans[-1][-1] == seed - 1:
            spans[-1].append(seed)
        else:
            spans.append([seed])
    listed = [
        text
        for span in spans
        for text in ([f"{span[0]} to {span[-1]}"] if len(span) > 3 else map(_seed, span))
    ]
    return f"{'seed' if len(runs) == 1 else 'seeds'} {', '.join(listed)}"


def _seed(seed: Any) -> str:
    return NOTHING if pd.isna(seed) else str(seed)


def errors(runs: pd.DataFrame) -> list[str]:
    """How the runs without a number ended."""
    broken = runs[runs["status"] != "finished"]
    return [
        f"{label} {status} ({seeds(same)}): {error or 'no message was stored'}"
        for (label, status, error), same in broken.groupby(["label", "status", "error"], sort=False)
    ]


def spread(rows: Sequence[Row]) -> list[str]:
    """What the numbers of a cell are."""
    counts = {row.n for row in rows if row.n}
    found = [cell.summary for row in rows for cell in row.cells.values() if cell.summary]
    notes = nominal(found)
    if counts - {1}:
        notes.append(
            "n: finished runs, one a seed. "
            "\N{PLUS-MINUS SIGN}: sample standard deviation over these runs; "
            "bytes and counts without it are equal in all of them."
        )
    if 1 in counts:
        notes.append("n = 1: one run, so neither a standard deviation nor an interval is given.")
    return notes


def nominal(summaries: Iterable[Summary]) -> list[str]:
    """What the bootstrap's intervals fall short of."""
    if not any(summary.method == "BCa bootstrap" for summary in summaries):
        return []
    said = "The 95 % of a BCa interval are nominal: in small samples it is too short"
    return [f"{said} and misses the mean more often (Hesterberg 2015)."]


def upper_bounds(rows: Sequence[Row]) -> list[str]:
    """Which methods are not ranked."""
    bounds = [row.label for row in rows if row.n and row.strategy in UPPER_BOUNDS]
    what = "upper bounds (see" if bounds[1:] else "an upper bound (sees"
    return [f"{', '.join(bounds)}: {what} old data again), not ranked."] if bounds else []


def survivors(rows: Sequence[Row]) -> list[str]:
    """Which methods are not ranked because their mean is over the runs that did not break."""
    return [
        f"{row.label}: mean over {row.n} of {row.n + sum(row.broken.values())} seeds, "
        f"{', '.join(f'{count} {status}' for status, count in row.broken.items())}: not ranked."
        for row in rows
        if row.broken
    ]


def old_data(collection: Collection, stream: str) -> list[str]:
    """Which methods keep old data."""
    keeping = [
        label
        for label, records in collection.finished(stream).items()
        if any(_keeps_data(record) for record in records)
    ]
    return [f"Keep samples of earlier tasks: {', '.join(keeping)}."] if keeping else []


def _keeps_data(record: RunRecord) -> bool:
    """What the record says, or what its strategy tells where it is older than the question."""
    if record.keeps_data is None:
        return record.spec["strategy"] in UPPER_BOUNDS
    return record.keeps_data


def images(runs: pd.DataFrame) -> list[str]:
    """That the rows were not all measured on the same images, where they were not."""
    lines = []
    for key, what in ((IMAGES, "image sets"), (SPLIT, "splits of the same images")):
        column = f"spec.{key}"
        found = sorted(runs[column].dropna().unique()) if column in runs else []
        if len(found) > 1:
            lines.append(
                f"The runs are on {len(found)} {what} ({key} {', '.join(map(show, found))}): "
                "compare rows of the same one alone, or give each set a folder of its own."
            )
    return lines


def provenance(collection: Collection, stream: str, reference: str | None = None) -> list[str]:
    """Seeds, settings that differ, and where the numbers come from.

    ``reference``: the label that was asked for, without which the files would not come out alike.
    """
    runs = collection.of_stream(stream)
    finished = runs[runs["status"] == "finished"]
    notes = []
    of_label = {str(label): seeds(own) for label, own in finished.groupby("label", sort=False)}
    if len(set(of_label.values())) == 1:
        notes.append(f"Every method: {next(iter(of_label.values()))}.")
    elif of_label:
        notes.append(f"The methods have different seeds: {who_has_what(of_label)}.")
    specs = {
        str(label): flatten(first.spec) | as_run(first)
        for label, own in runs.groupby("label", sort=False)
        for first in [collection.records[str(own.index[0])]]
    }
    differences = confounds(specs)
    if differences:
        notes.append("The methods differ in more than their own arguments:")
        notes += [f"- {difference}" for difference in differences]
    notes += fallbacks(collection.records[str(run)] for run in runs.index)
    records = [collection.records[str(run)] for run in runs.index]
    notes += _code([record.environment for record in records])
    unproven = sum(not record.has_checksum for record in records)
    if unproven:
        notes.append(
            f"{unproven} of {len(records)} records have no checksum, as those from before there "
            "were any: an edited number in them would not be noticed."
        )
    if collection.running[stream]:
        notes.append(f"Runs in progress, not in this table: {collection.running[stream]}.")
    asked = f" --reference {shlex.quote(reference)}" if reference is not None else ""
    notes.append(
        f"From the runs in {collection.out}; regenerate with "
        f"`python -m benchmarks tables {collection.out}{asked}`."
    )
    return notes


def _code(environments: Sequence[Mapping[str, Any]]) -> list[str]:
    """That the runs were not all made by the same code, or by code that was never committed."""
    commits = sorted({str(e["git_commit"])[:7] for e in environments if e.get("git_commit")})
    changed = sum(bool(e.get("git_dirty")) for e in environments)
    notes = []
    if len(commits) > 1:
        notes.append(f"The runs are of {len(commits)} commits: {', '.join(commits)}.")
    if changed:
        notes.append(
            f"Made with changes that were not committed: {changed} of {len(environments)} runs."
        )
    return notes
