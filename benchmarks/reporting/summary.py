"""The table of one stream as plain text cells and notes, before any markup."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from benchmarks.reporting.collect import Collection
from benchmarks.reporting.metrics import METRICS, Metric
from benchmarks.reporting.numbers import NOTHING, mean_and_std
from benchmarks.reporting.order import UPPER_BOUNDS
from benchmarks.reporting.specs import confounds, flatten, who_has_what
from benchmarks.reporting.stats import Summary, summarise

SCENARIOS = {
    "til": "task-incremental",
    "cil": "class-incremental",
    "dil": "domain-incremental",
}


@dataclass(frozen=True)
class Cell:
    """What one method scores in one metric, over seeds."""

    text: str
    summary: Summary | None = None
    """None where the metric is undefined for every run of the row."""
    footnote: str = ""
    """The letter under which the notes say why a number is missing."""
    mark: Literal["", "best", "second"] = ""


@dataclass(frozen=True)
class Row:
    """One method (one spec, over seeds), or its failed runs."""

    label: str
    strategy: str
    n: int
    """Finished runs."""
    cells: dict[str, Cell]
    """A cell for every metric of `METRICS`."""


@dataclass(frozen=True)
class Table:
    """All methods on one stream."""

    stream: str
    caption: str
    rows: list[Row]
    notes: list[str]
    """Lines under the table, footnotes first."""


def summary_table(collection: Collection, stream: str) -> Table:
    """Mean and spread of every metric for every method on `stream`, and what to know of them."""
    runs = collection.of_stream(stream)
    letters: dict[str, str] = {}
    rows: list[Row] = []
    for label in runs["label"].unique():
        own = runs[runs["label"] == label]
        finished = own[own["status"] == "finished"]
        if len(finished):
            rows.append(_finished_row(collection, finished, letters))
        for status in ("failed", "diverged"):
            broken = own[own["status"] == status]
            if len(broken):
                rows.append(_broken_row(broken, status))
    notes = [
        *(f"{letter}: {reason}." for reason, letter in letters.items()),
        *_errors(runs),
        *_spread(rows),
        *_ranking(rows),
        *_provenance(collection, stream),
    ]
    return Table(stream, caption(collection, stream), _mark(rows), notes)


def caption(collection: Collection, stream: str) -> str:
    """The stream, its scenario in words and its number of tasks."""
    scenario = SCENARIOS.get(stream.rpartition("/")[2], "scenario as in the name")
    counts = {
        len(collection.records[str(run)].accuracy_matrix)
        for run in collection.of_stream(stream).index
    }
    tasks = " or ".join(str(count) for count in sorted(counts))
    return f"{stream} ({scenario}, {tasks} {'task' if counts == {1} else 'tasks'})"


def heading(metric: Metric) -> str:
    """Column heading: label, unit where the cells do not carry it."""
    return f"{metric.label} (%)" if metric.unit == "%" else metric.label


def _finished_row(collection: Collection, runs: pd.DataFrame, letters: dict[str, str]) -> Row:
    cells = {}
    for name, metric in METRICS.items():
        reasons = [
            collection.reasons[str(run), name]
            for run in runs.index
            if (str(run), name) in collection.reasons
        ]
        footnote = ""
        if reasons and metric.shown != "csv":
            few = f"in {len(reasons)} of {len(runs)} runs " if len(reasons) < len(runs) else ""
            reason = f"undefined {few}({'; '.join(dict.fromkeys(reasons))})"
            footnote = letters.setdefault(reason, _letter(len(letters)))
        values = runs[name].dropna().tolist()
        summary = summarise(values) if values else None
        text = mean_and_std(summary, metric.unit) if summary else NOTHING
        cells[name] = Cell(text, summary, footnote)
    return Row(runs["label"].iloc[0], runs["strategy"].iloc[0], len(runs), cells)


def _broken_row(runs: pd.DataFrame, status: str) -> Row:
    label = f"{runs['label'].iloc[0]}: {status} ({_seeds(runs)})"
    return Row(label, runs["strategy"].iloc[0], 0, dict.fromkeys(METRICS, Cell(NOTHING)))


def _letter(number: int) -> str:
    letters = string.ascii_lowercase
    return letters[number] if number < len(letters) else f"n{number + 1}"


def _seeds(runs: pd.DataFrame) -> str:
    seeds = [NOTHING if pd.isna(seed) else str(seed) for seed in runs["seed"]]
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)}"


def _errors(runs: pd.DataFrame) -> list[str]:
    broken = runs[runs["status"] != "finished"]
    return [
        f"{label} {status} ({_seeds(same)}): {error or 'no message was stored'}"
        for (label, status, error), same in broken.groupby(["label", "status", "error"], sort=False)
    ]


def _spread(rows: Sequence[Row]) -> list[str]:
    counts = {row.n for row in rows if row.n}
    notes = []
    if counts - {1}:
        notes.append(
            "n: finished runs, one a seed. "
            "\N{PLUS-MINUS SIGN}: sample standard deviation over these runs; "
            "bytes without it are equal in all of them."
        )
    if 1 in counts:
        notes.append("n = 1: one run, so neither a standard deviation nor an interval is given.")
    return notes


def _ranking(rows: Sequence[Row]) -> list[str]:
    ranked = [row for row in rows if _is_ranked(row)]
    notes = []
    if len(ranked) > 1:
        notes.append("Bold: best mean of a column; underlined: second best (not a test).")
    bounds = [row.label for row in rows if row.n and row.strategy in UPPER_BOUNDS]
    if bounds:
        notes.append(f"{', '.join(bounds)}: an upper bound (sees old data again), not ranked.")
    return notes


def _provenance(collection: Collection, stream: str) -> list[str]:
    runs = collection.of_stream(stream)
    finished = runs[runs["status"] == "finished"]
    notes = []
    seeds = {str(label): _seeds(own) for label, own in finished.groupby("label", sort=False)}
    if len(set(seeds.values())) == 1:
        notes.append(f"Every method: {next(iter(seeds.values()))}.")
    elif seeds:
        notes.append(f"The methods have different seeds: {who_has_what(seeds)}.")
    specs = {
        str(label): flatten(collection.records[str(own.index[0])].spec)
        for label, own in runs.groupby("label", sort=False)
    }
    differences = confounds(specs)
    if differences:
        notes.append("The methods differ in more than their own arguments:")
        notes += [f"- {difference}" for difference in differences]
    if collection.running[stream]:
        notes.append(f"Runs in progress, not in this table: {collection.running[stream]}.")
    notes.append(
        f"From the runs in {collection.out}; regenerate with "
        f"`python -m benchmarks tables {collection.out}`."
    )
    return notes


def _is_ranked(row: Row) -> bool:
    return row.n > 0 and row.strategy not in UPPER_BOUNDS


def _mark(rows: Sequence[Row]) -> list[Row]:
    """Mark the best and second best of each accuracy column, by the digits that are printed.

    Seconds and bytes are not marked: the cheapest method is seldom the better one.
    """
    marks: dict[tuple[int, str], Literal["best", "second"]] = {}
    for name, metric in METRICS.items():
        means = {
            number: round(summary.mean, 2)
            for number, row in enumerate(rows)
            if _is_ranked(row) and (summary := row.cells[name].summary) is not None
        }
        if metric.unit != "%" or len(means) < 2:
            continue
        values = sorted(set(means.values()), reverse=metric.higher_is_better)
        for number, value in means.items():
            if value == values[0]:
                marks[number, name] = "best"
            elif value == values[1]:
                marks[number, name] = "second"
    return [
        replace(
            row,
            cells={
                name: replace(cell, mark=marks.get((number, name), ""))
                for name, cell in row.cells.items()
            },
        )
        for number, row in enumerate(rows)
    ]
