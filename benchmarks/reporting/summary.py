"""The rows of the table of one stream, from the runs of its methods."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Literal

import pandas as pd

from benchmarks.records import scenario_of
from benchmarks.reporting import notes
from benchmarks.reporting.cells import Cell, Row, Table, footnote_letter, is_ranked
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.evaluated import not_the_test
from benchmarks.reporting.numbers import NOTHING, mean_and_std
from benchmarks.reporting.registry import METRICS, Place, metrics_of
from benchmarks.reporting.stats import summarise

SCENARIOS = {
    "til": "task-incremental",
    "cil": "class-incremental",
    "dil": "domain-incremental",
}


def summary_table(collection: Collection, stream: str) -> Table:
    """Mean and spread of every metric for every method on `stream`, and what to know of them."""
    runs = collection.of_stream(stream)
    rows, footnotes = table_rows(collection, stream, ("headline", "table"))
    lines = [
        *footnotes,
        *notes.errors(runs),
        *notes.spread(rows),
        *notes.ranking(rows),
        *notes.old_data(collection, stream),
        *notes.images(runs),
        *notes.provenance(collection, stream),
    ]
    return Table(stream, caption(collection, stream), _mark(rows), lines)


def table_rows(
    collection: Collection, stream: str, places: tuple[Place, ...]
) -> tuple[list[Row], list[str]]:
    """A row a method, and one for its failed runs; the footnotes are those of `places`."""
    runs = collection.of_stream(stream)
    shown = metrics_of(stream, *places).keys()
    letters: dict[str, str] = {}
    rows: list[Row] = []
    for label in runs["label"].unique():
        own = runs[runs["label"] == label]
        finished = own[own["status"] == "finished"]
        if len(finished):
            rows.append(_finished_row(collection, finished, shown, letters))
        for status in ("failed", "diverged"):
            broken = own[own["status"] == status]
            if len(broken):
                rows.append(_broken_row(broken, status))
    return rows, [f"{letter}: {reason}." for reason, letter in letters.items()]


def caption(collection: Collection, stream: str) -> str:
    """The stream, its scenario in words, its number of tasks, and "validation accuracy" where that
    is what was measured."""
    scenario = SCENARIOS.get(scenario_of(stream), "scenario as in the name")
    records = [collection.records[str(run)] for run in collection.of_stream(stream).index]
    counts = {len(record.accuracy_matrix) for record in records}
    tasks = " or ".join(str(count) for count in sorted(counts))
    described = f"{stream} ({scenario}, {tasks} {'task' if counts == {1} else 'tasks'})"
    other = not_the_test(records)
    return f"{described}: {other}accuracy" if other else described


def _finished_row(
    collection: Collection, runs: pd.DataFrame, shown: Container[str], letters: dict[str, str]
) -> Row:
    cells, stream = {}, str(runs["stream"].iloc[0])
    for name, metric in metrics_of(stream).items():
        reasons = [
            collection.reasons[str(run), name]
            for run in runs.index
            if (str(run), name) in collection.reasons
        ]
        footnote = ""
        if reasons and name in shown:
            few = f"in {len(reasons)} of {len(runs)} runs " if len(reasons) < len(runs) else ""
            reason = f"undefined {few}({'; '.join(dict.fromkeys(reasons))})"
            footnote = letters.setdefault(reason, footnote_letter(len(letters)))
        values = runs[name].dropna().tolist()
        summary = summarise(values) if values else None
        text = mean_and_std(summary, metric.unit) if summary else NOTHING
        cells[name] = Cell(text, summary, footnote)
    return Row(runs["label"].iloc[0], runs["strategy"].iloc[0], len(runs), cells)


def _broken_row(runs: pd.DataFrame, status: str) -> Row:
    label = f"{runs['label'].iloc[0]}: {status} ({notes.seeds(runs)})"
    names = metrics_of(runs["stream"].iloc[0])
    return Row(label, runs["strategy"].iloc[0], 0, dict.fromkeys(names, Cell(NOTHING)))


def _mark(rows: Sequence[Row]) -> list[Row]:
    """Mark the best and second best of each accuracy column, by the digits that are printed.

    Seconds and bytes are not marked: the cheapest method is seldom the better one.
    """
    marks: dict[tuple[int, str], Literal["best", "second"]] = {}
    for name, metric in METRICS.items():
        means = {
            number: round(summary.mean, 2)
            for number, row in enumerate(rows)
            if is_ranked(row)
            and name in row.cells
            and (summary := row.cells[name].summary) is not None
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
