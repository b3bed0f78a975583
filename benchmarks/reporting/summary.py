"""The rows of the table of one stream, from the runs of its methods."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass

import pandas as pd

from benchmarks.records import scenario_of
from benchmarks.reporting import notes
from benchmarks.reporting.cells import Cell, Row, Table, footnote_letter
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.evaluated import not_the_test
from benchmarks.reporting.marks import mark
from benchmarks.reporting.numbers import NOTHING, mean_and_std
from benchmarks.reporting.registry import Place, metrics_of
from benchmarks.reporting.stats import summarise

SCENARIOS = {
    "til": "task-incremental",
    "cil": "class-incremental",
    "dil": "domain-incremental",
}


def summary_table(collection: Collection, stream: str, reference: str | None = None) -> Table:
    """Mean and spread of every metric for every method on `stream`, and what to know of them.

    ``reference``: the label that was asked for, see `notes.provenance`.
    """
    runs = collection.of_stream(stream)
    rows, footnotes = table_rows(collection, stream, ("headline", "table"))
    rows, marking = mark(rows, collection, stream)
    lines = [
        *footnotes,
        *notes.errors(runs),
        *notes.spread(rows),
        *marking,
        *notes.survivors(rows),
        *notes.upper_bounds(rows),
        *notes.old_data(collection, stream),
        *notes.images(runs),
        *notes.provenance(collection, stream, reference),
    ]
    return Table(stream, caption(collection, stream), rows, lines)


def table_rows(
    collection: Collection, stream: str, places: tuple[Place, ...]
) -> tuple[list[Row], list[str]]:
    """A row a method, and one for its failed runs; the footnotes are those of `places`."""
    shown = metrics_of(stream, *places).keys()
    letters: dict[str, str] = {}
    ended = groups(collection, stream)
    broken: dict[str, dict[str, int]] = {}
    for group in ended:
        if not group.finished:
            label, status = group.runs[["label", "status"]].iloc[0]
            broken.setdefault(label, {})[status] = len(group.runs)
    rows = [
        _finished_row(collection, group.runs, shown, letters, broken.get(group.shown, {}))
        if group.finished
        else _broken_row(group)
        for group in ended
    ]
    return rows, [f"{letter}: {reason}." for reason, letter in letters.items()]


@dataclass(frozen=True)
class Group:
    """The runs of a row: of one label, that ended alike."""

    shown: str
    """The label; of runs without numbers also how they ended and their seeds."""
    finished: bool
    runs: pd.DataFrame


def groups(collection: Collection, stream: str) -> list[Group]:
    """The rows of every table of a stream, in table order."""
    runs = collection.of_stream(stream)
    places: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(runs["label"], runs["status"], strict=True)):
        places.setdefault(key, []).append(place)
    found = []
    for label in dict.fromkeys(runs["label"]):
        for status in ("finished", "failed", "diverged"):
            if (label, status) in places:
                own = runs.iloc[places[label, status]]
                finished = status == "finished"
                shown = label if finished else f"{label}: {status} ({notes.seeds(own)})"
                found.append(Group(shown, finished, own))
    return found


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
    collection: Collection,
    runs: pd.DataFrame,
    shown: Container[str],
    letters: dict[str, str],
    broken: Mapping[str, int],
) -> Row:
    metrics = metrics_of(str(runs["stream"].iloc[0]))
    ids = [str(run) for run in runs.index]
    # One array for all metrics: looking each up in the frame took seconds for a thousand methods.
    columns = runs[list(metrics)].to_numpy(dtype=float).T.tolist()
    cells = {}
    for (name, metric), column in zip(metrics.items(), columns, strict=True):
        values = [value for value in column if not math.isnan(value)]
        undefined = ids if len(values) < len(ids) else []
        reasons = [
            collection.reasons[run, name] for run in undefined if (run, name) in collection.reasons
        ]
        footnote = ""
        if reasons and name in shown:
            few = f"in {len(reasons)} of {len(runs)} runs " if len(reasons) < len(runs) else ""
            reason = f"undefined {few}({'; '.join(dict.fromkeys(reasons))})"
            footnote = letters.setdefault(reason, footnote_letter(len(letters)))
        summary = summarise(values) if values else None
        text = mean_and_std(summary, metric.unit) if summary else NOTHING
        cells[name] = Cell(text, summary, footnote)
    return Row(runs["label"].iloc[0], runs["strategy"].iloc[0], len(runs), cells, broken)


def _broken_row(group: Group) -> Row:
    names = metrics_of(group.runs["stream"].iloc[0])
    strategy = group.runs["strategy"].iloc[0]
    return Row(group.shown, strategy, 0, dict.fromkeys(names, Cell(NOTHING)))
