"""What a report says of one stream: its tables, tests, figures and doubts."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.reporting import ranks
from benchmarks.reporting.cells import Row, Table
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.comparison import Comparison, compare
from benchmarks.reporting.cost_table import cost_table
from benchmarks.reporting.figures import LineStyle
from benchmarks.reporting.published import Published
from benchmarks.reporting.report_figures import Picture, pictures
from benchmarks.reporting.report_protocol import own_settings, shared_settings
from benchmarks.reporting.summary import summary_table
from benchmarks.reporting.suspicious import suspicions


@dataclass(frozen=True)
class StreamSection:
    """One stream of the page."""

    stream: str
    stem: str
    """Its name as an anchor."""
    table: Table
    costs: Table
    targets: dict[str, tuple[str, str]]
    """Of every row of the tables the label and the status of the runs behind it."""
    published: list[Comparison]
    suspicious: list[str]
    pictures: list[Picture]
    ranks: list[list[str]]
    shared: dict[str, str]
    own: list[tuple[str, str]]


def section(
    collection: Collection,
    stream: str,
    stem: str,
    looks: dict[str, LineStyle],
    published: Published,
) -> StreamSection:
    """All that is shown of one stream; draws its figures."""
    table = summary_table(collection, stream)
    labels = [str(label) for label in collection.of_stream(stream)["label"].unique()]
    return StreamSection(
        stream=stream,
        stem=stem,
        table=table,
        costs=cost_table(collection, stream),
        targets={row.label: _target(row, labels) for row in table.rows},
        published=[c for c in compare(collection, stream, published) if c.measured],
        suspicious=suspicions(collection, stream),
        pictures=pictures(collection, stream, looks),
        ranks=ranks.cells(ranks.rank_frame(collection.finished(stream))),
        shared=shared_settings(collection, stream),
        own=own_settings(collection, stream),
    )


def _target(row: Row, labels: list[str]) -> tuple[str, str]:
    if row.n:
        return row.label, "finished"
    for label in labels:
        for status in ("failed", "diverged"):
            if row.label.startswith(f"{label}: {status} ("):
                return label, status
    return row.label, ""
