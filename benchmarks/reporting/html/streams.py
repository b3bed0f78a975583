"""What a report says of one stream: its tables, tests, figures and doubts."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.reporting import ranks
from benchmarks.reporting.cells import Cell, Table, labelled
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.comparison import Comparison, compare
from benchmarks.reporting.cost_table import cost_table
from benchmarks.reporting.figures.looks import LineStyle
from benchmarks.reporting.html.pictures import ROOM, Gallery, gallery
from benchmarks.reporting.html.protocol import own_settings, shared_settings
from benchmarks.reporting.published import Published
from benchmarks.reporting.significance import Significance, significance_table
from benchmarks.reporting.summary import groups, summary_table
from benchmarks.reporting.suspicious import suspicions


@dataclass(frozen=True)
class StreamSection:
    """One stream of the page."""

    stream: str
    stem: str
    """Its name in an anchor."""
    table: Table
    costs: Table
    targets: dict[str, tuple[str, str]]
    """Of every row of the tables the label and the status of the runs behind it."""
    tests: Significance
    published: list[Comparison]
    suspicious: list[str]
    figures: Gallery
    ranks: list[tuple[str, list[Cell]]]
    shared: dict[str, str]
    own: list[tuple[str, str]]


def section(
    collection: Collection,
    stream: str,
    stem: str,
    looks: dict[str, LineStyle],
    published: Published,
    reference: str | None = None,
    room: int = ROOM,
) -> StreamSection:
    """All that is shown of one stream; draws its figures.

    ``reference``: the label that the paired tests hold against the others; ``room``: bytes that
    the figures may take.
    """
    return StreamSection(
        stream=stream,
        stem=stem,
        table=summary_table(collection, stream, reference),
        costs=cost_table(collection, stream, reference),
        targets={
            group.shown: (str(group.runs["label"].iloc[0]), str(group.runs["status"].iloc[0]))
            for group in groups(collection, stream)
        },
        tests=significance_table(collection, stream, reference),
        published=[c for c in compare(collection, stream, published) if c.measured],
        suspicious=suspicions(collection, stream),
        figures=gallery(collection, stream, looks, room),
        ranks=labelled(ranks.rows_of(ranks.rank_frame(collection.finished(stream)))),
        shared=shared_settings(collection, stream),
        own=own_settings(collection, stream),
    )
