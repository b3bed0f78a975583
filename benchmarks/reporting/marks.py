"""What stands out in a column of a table: the best, the second best, and the noise of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.reporting.cells import NOISE, Cell, Row, is_ranked
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.numbers import interval_methods
from benchmarks.reporting.pairs import Values, by_seeds, differences, questions
from benchmarks.reporting.registry import Metric, metrics_of
from benchmarks.reporting.stats import Summary, summarise


def mark(rows: Sequence[Row], collection: Collection, stream: str) -> tuple[list[Row], list[str]]:
    """The rows with the marks of every accuracy column, and what these mean.

    Best and second best go by the digits that are printed. Any other method is within the noise of
    the best where the 95 % interval of its mean difference to it, over shared seeds, includes 0; of
    several that tie as best, to any of them. Rows on different images, or over different numbers
    of tasks, do not compete: each of these groups has marks of its own.
    Seconds and bytes are not marked: the cheapest method is seldom the better one.
    """
    columns = {n: m for n, m in metrics_of(stream, "headline", "table").items() if m.unit == "%"}
    values = by_seeds(collection, stream, list(columns))
    held = _Held()
    cells = {row.label: dict(row.cells) for row in rows}
    groups = _competing(rows, collection, stream)
    for name, metric in columns.items():
        for group in groups:
            ranked = {
                row.label: row.cells[name] for row in group if row.cells[name].summary is not None
            }
            if len(ranked) > 1:
                for label, cell in _column(ranked, metric, values[name], held).items():
                    cells[label][name] = cell
    marked = [replace(row, cells=cells[row.label]) for row in rows]
    lines = _notes(held) if any(len(group) > 1 for group in groups) else []
    if len(groups) > 1:
        lines.append("Rows on different images, or over different numbers of tasks: marked apart.")
    return marked, lines


def _competing(rows: Sequence[Row], collection: Collection, stream: str) -> list[list[Row]]:
    """The ranked rows, those that answer the same question together."""
    question = questions(collection, stream)
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in filter(is_ranked, rows):
        groups.setdefault(question[row.label], []).append(row)
    return list(groups.values())


@dataclass
class _Held:
    """Which rows were held against the best of a column."""

    differences: list[Summary] = field(default_factory=list)
    without: dict[str, None] = field(default_factory=dict)
    """Labels that share too few seeds with the best of some column, in table order."""


def _column(
    cells: Mapping[str, Cell],
    metric: Metric,
    values: Mapping[str, Values],
    held: _Held,
) -> dict[str, Cell]:
    means = {label: round(cell.summary.mean, 2) for label, cell in cells.items() if cell.summary}
    best, *others = sorted(set(means.values()), reverse=metric.higher_is_better)
    leaders = [label for label, mean in means.items() if mean == best]
    marked = {}
    for label, cell in cells.items():
        if label in leaders:
            marked[label] = replace(cell, mark="best")
            continue
        pairs = [differences(values[leader], values[label]) for leader in leaders]
        found = [summarise(shared) for shared in pairs if len(shared) > 1]
        held.differences += found
        if not found:
            held.without[label] = None
        marked[label] = replace(
            cell,
            mark="second" if means[label] == others[0] else "",
            is_within_noise=any(map(_includes_0, found)),
        )
    return marked


def _includes_0(difference: Summary) -> bool:
    return difference.interval is not None and difference.interval[0] <= 0 <= difference.interval[1]


def _notes(held: _Held) -> list[str]:
    lines = ["Bold: best mean of a column; underlined: second best (not a test)."]
    if held.differences:
        lines.append(
            f"{NOISE}: within the noise of the best: the 95 % interval of the mean difference to "
            f"it, over the seeds of both ({interval_methods(held.differences)}), includes 0 "
            "(not a test)."
        )
    if held.without and held.differences:
        lines.append(
            f"Never {NOISE} in a column whose best shares fewer than 2 seeds with it: "
            f"{', '.join(held.without)}."
        )
    elif held.without:
        lines.append(
            "Nothing can be marked as within the noise of the best: that takes 2 seeds that both "
            "methods have."
        )
    return lines
