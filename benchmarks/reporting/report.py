"""A results folder as one HTML file that can be sent by mail and read anywhere."""

from __future__ import annotations

import base64
import hashlib
import shlex
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.records import write_atomically
from benchmarks.reporting import ranks
from benchmarks.reporting.cells import heading
from benchmarks.reporting.collect import Collection, collect
from benchmarks.reporting.files import Written, stems
from benchmarks.reporting.numbers import NOTHING, difference, interval, mean_and_std
from benchmarks.reporting.plots import looks_of
from benchmarks.reporting.published import COMPARED, read_published
from benchmarks.reporting.registry import METRICS
from benchmarks.reporting.report_details import as_json, details
from benchmarks.reporting.report_methods import methods
from benchmarks.reporting.report_progress import progress
from benchmarks.reporting.report_protocol import code, environments, moved, versions
from benchmarks.reporting.report_runs import MANY, columns, run_rows
from benchmarks.reporting.report_streams import section
from benchmarks.reporting.report_text import prose, visible

TEMPLATES = Path(__file__).with_name("templates")


def write_report(out: Path) -> Written:
    """Write ``out/report.html`` from the records below ``out/runs``: tables, figures, every run.

    The file fetches nothing and holds nothing that its reader's browser would run but its own
    script. Raises `BadInput` where there are no records.
    """
    collection = collect(out)
    written = Written(messages=list(collection.messages), skipped=len(collection.messages))
    path = out / "report.html"
    write_atomically(path, page(collection).encode("utf-8", "backslashreplace"))
    written.paths.append(path)
    size = path.stat().st_size
    written.headline = f"{path} ({size / 1e6:.1f} MB)"
    return written


def page(collection: Collection) -> str:
    """The report as HTML; the same runs give the same text."""
    looks = looks_of(collection) if collection.records else {}
    published = read_published()
    shown = columns(collection)
    data, left_out = details(collection)
    commits, changed = code(collection)
    style, script = (
        Markup((TEMPLATES / name).read_text(encoding="utf-8"))
        for name in ("report.css", "report.js")
    )
    return (
        _environment()
        .get_template("report.html")
        .render(
            out=str(collection.out),
            command=shlex.join(["python", "-m", "benchmarks", "report", str(collection.out)]),
            style=style,
            script=script,
            hashes=(_hash(style), _hash(script)),
            sections=[
                section(collection, stream, stem, looks, published)
                for stream, stem in stems(collection.streams).items()
            ],
            progress=progress(collection),
            damaged=collection.messages,
            columns=shown,
            few_columns=len(collection.records) > MANY,
            rows=list(run_rows(collection, shown)),
            labels=list(dict.fromkeys([*collection.runs["strategy"], *collection.runs["label"]]))
            if collection.records
            else [],
            data=Markup(as_json(data)),
            left_out=left_out,
            commits=commits,
            changed=changed,
            versions=versions(collection),
            environments=environments(collection),
            moved=moved(collection),
            metrics=METRICS,
            methods=methods(dict.fromkeys(collection.runs["strategy"]))
            if collection.records
            else [],
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose}
    helpers: dict[str, Any] = {
        "heading": heading,
        "interval": interval,
        "mean_and_std": mean_and_std,
        "difference": difference,
        "COMPARED": COMPARED,
        "NOTHING": NOTHING,
        "RANK_HEADINGS": ranks.HEADINGS,
        "RANK_NOTES": ranks.NOTES,
    }
    environment.globals |= helpers
    return environment


def _hash(text: str) -> str:
    """What a content security policy allows this text by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
