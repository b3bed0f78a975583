"""A results folder as one HTML file that can be sent by mail and read anywhere."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup

from benchmarks.records import write_atomically
from benchmarks.reporting.collect import Collection, collect
from benchmarks.reporting.figures.plots import looks_of
from benchmarks.reporting.files import Written, stems
from benchmarks.reporting.html.details import as_json, details
from benchmarks.reporting.html.methods import methods
from benchmarks.reporting.html.pictures import ROOM
from benchmarks.reporting.html.progress import progress
from benchmarks.reporting.html.protocol import code, environments, moved, versions
from benchmarks.reporting.html.runs import MANY, columns, run_rows
from benchmarks.reporting.html.streams import StreamSection, section
from benchmarks.reporting.html.template import render
from benchmarks.reporting.html.tuning import tuning_section
from benchmarks.reporting.published import read_published
from benchmarks.reporting.reference import check_reference
from benchmarks.reporting.short_labels import with_short_labels


def write_report(out: Path, reference: str | None = None) -> Written:
    """Write ``out/report.html`` from the records below ``out/runs``: tables, figures, every run.

    The file fetches nothing and holds nothing that its reader's browser would run but its own
    script. ``reference``: the label that the paired tests hold against the others. Raises
    `BadInput` where there are no records, or no row of that label.
    """
    collection = collect(out)
    check_reference(collection, reference)
    written = Written(messages=list(collection.messages), skipped=len(collection.messages))
    path = out / "report.html"
    text = page(collection, reference).encode("utf-8", "backslashreplace")
    write_atomically(path, text)
    written.paths.append(path)
    written.headline = f"{path} ({len(text) / 1e6:.1f} MB)"
    return written


def page(collection: Collection, reference: str | None = None) -> str:
    """The report as HTML; the same runs give the same text."""
    command = ["python", "-m", "benchmarks", "report", str(collection.out)]
    if reference is not None:
        command += ["--reference", reference]
    return render(
        out=str(collection.out),
        command=shlex.join(command),
        progress=progress(collection),
        damaged=collection.messages,
        **(_shown(collection, reference) if collection.records else {"sections": [], "rows": []}),
    )


def _shown(collection: Collection, reference: str | None) -> dict[str, object]:
    """What is shown where a run has ended."""
    collection, short = with_short_labels(collection)
    reference = None if reference is None else short[reference]
    shown = columns(collection)
    data, left_out = details(collection)
    commits, changed = code(collection)
    strategies, labels = collection.runs["strategy"], collection.runs["label"]
    return {
        "sections": list(_sections(collection, reference)),
        "columns": shown,
        "few_columns": len(collection.runs) > MANY,
        "rows": list(run_rows(collection, shown)),
        "labels": list(dict.fromkeys([*strategies, *labels])),
        "data": Markup(as_json(data)),
        "left_out": left_out,
        "commits": commits,
        "changed": changed,
        "versions": versions(collection),
        "environments": environments(collection),
        "moved": moved(collection),
        "tuning": tuning_section(collection.out),
        "methods": methods(dict.fromkeys(strategies)),
    }


def _sections(collection: Collection, reference: str | None) -> Iterator[StreamSection]:
    """A section a stream; what the figures of one leave of `ROOM`, those after it share."""
    looks, published = looks_of(collection), read_published()
    named, room = stems(collection.streams), ROOM
    for number, (stream, stem) in enumerate(named.items()):
        share = room // (len(named) - number)
        made = section(collection, stream, stem, looks, published, reference, share)
        room -= made.figures.size
        yield made
