"""A results folder as tables: Markdown to read, LaTeX to print, CSV to compute with."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from benchmarks.records import write_atomically
from benchmarks.reporting import (
    latex,
    markdown,
    published_table,
    ranks,
    significance_text,
    terminal,
)
from benchmarks.reporting.cells import Table
from benchmarks.reporting.collect import Collection, collect
from benchmarks.reporting.comparison import compare
from benchmarks.reporting.cost_table import cost_table
from benchmarks.reporting.files import Written, remove, stale, stems
from benchmarks.reporting.garbage import uncollected
from benchmarks.reporting.published import read_published
from benchmarks.reporting.reference import check_reference
from benchmarks.reporting.registry import METRICS, metrics_of
from benchmarks.reporting.significance import significance_table
from benchmarks.reporting.summary import summary_table
from benchmarks.reporting.tuning import rewrite_tuning

_FILES = (
    *(".md", ".tex", ".csv", "-summary.csv", "-intervals.tex", "-cost.md", "-cost.tex"),
    *("-tests.md", "-tests.tex", "-tests.csv", "-ranks.md", "-ranks.csv"),
    *("-published.md", "-published.tex", "-published.csv"),
)
"""What a stream's files are called behind its stem."""


@uncollected()
def write_tables(out: Path, reference: str | None = None) -> Written:
    """Write ``out/tables/`` from the records below ``out/runs``, for each stream:

    - ``<stream>.md`` and ``.tex``: mean and standard deviation over seeds, a row a method;
    - ``<stream>-intervals.tex``: the 95 % intervals of the accuracies, as in the Markdown;
    - ``<stream>.csv``: a row a run with every metric and the whole spec;
    - ``<stream>-summary.csv``: a row a method and metric with n, mean, std, 95 % interval;
    - ``<stream>-cost.md`` and ``.tex``: time per task, state, parameters and memory, likewise;
    - ``<stream>-tests.md``, ``.tex`` and ``.csv``: paired tests of ``reference``, a label, or of
      NESS, against each other method;
    - ``<stream>-ranks.md`` and ``.csv``: ranks and interference, where a method recorded any;
    - ``<stream>-published.md``, ``.tex`` and ``.csv``: published numbers beside measured ones,
      where a finished method has any;
    - ``out/tuning/``: the table of a search for hyper-parameters, where there was one.

    A file of these names that the runs give no longer is removed, with a message. The headline of
    the result is the same table in short for the terminal. Raises `BadInput`
    where there are no records or no row is labelled ``reference``; runs in progress alone give
    a headline and no files.
    """
    collection = collect(out)
    check_reference(collection, reference)
    written = Written(messages=list(collection.messages), skipped=len(collection.messages))
    published = read_published()
    headlines = []
    for stream, stem in stems(collection.streams).items():
        table = summary_table(collection, stream, reference)
        costs = cost_table(collection, stream, reference)
        tests = significance_table(collection, stream, reference)
        texts = {
            f"{stem}.md": markdown.render(table),
            f"{stem}.tex": latex.render(table, stem),
            f"{stem}-cost.md": markdown.render(costs),
            f"{stem}-cost.tex": latex.render(costs, f"{stem}-cost"),
            f"{stem}.csv": _csv(_run_frame(collection, stream)),
            f"{stem}-summary.csv": _csv(_summary_frame(table)),
        }
        if any(row.n > 1 for row in table.rows):
            texts[f"{stem}-intervals.tex"] = latex.render_intervals(table, f"{stem}-intervals")
        if tests.families:
            texts |= {
                f"{stem}-tests.md": significance_text.as_markdown(tests),
                f"{stem}-tests.tex": significance_text.as_latex(tests, f"{stem}-tests"),
                f"{stem}-tests.csv": _csv(significance_text.frame(tests)),
            }
        elif tests.reference is None:
            written.messages += [f"{stream}: {note}" for note in tests.notes]
        layers = ranks.rank_frame(collection.finished(stream))
        if len(layers):
            texts[f"{stem}-ranks.md"] = ranks.render(
                layers,
                [row.label for row in table.rows if not row.n],
                table.caption,
                table.notes[-1],
            )
            texts[f"{stem}-ranks.csv"] = _csv(layers)
        beside = [c for c in compare(collection, stream, published) if c.measured]
        if beside:
            said = table.caption, table.notes[-1]
            texts |= {
                f"{stem}-published.md": published_table.as_markdown(beside, *said),
                f"{stem}-published.tex": published_table.as_latex(
                    beside, *said, f"{stem}-published"
                ),
                f"{stem}-published.csv": _csv(published_table.frame(beside)),
            }
        for name, text in texts.items():
            path = out / "tables" / name
            write_atomically(path, text.encode("utf-8", "backslashreplace"))
            written.paths.append(path)
        headlines.append(terminal.render(table))
    for stem in stems(collection.streams).values():
        names = rf"{re.escape(stem)}({'|'.join(map(re.escape, _FILES))})"
        written.messages += remove(stale(out / "tables", names, written.paths))
    written.paths += rewrite_tuning(out)
    running = _running(collection)
    written.headline = "\n\n".join([*headlines, *([running] if running else [])])
    return written


def _run_frame(collection: Collection, stream: str) -> pd.DataFrame:
    runs = collection.of_stream(stream).reset_index()
    # Settings and metrics that only other streams have.
    foreign = [
        name for name in runs.columns if name.startswith("spec.") and runs[name].isna().all()
    ]
    return runs.drop(columns=[*foreign, *(METRICS.keys() - metrics_of(stream).keys())])


def _summary_frame(table: Table) -> pd.DataFrame:
    rows = []
    for row in table.rows:
        for name, cell in row.cells.items():
            found = cell.summary
            spread = (found.n, found.mean, found.std) if found else (0, None, None)
            limits = found.interval if found and found.interval else (None, None)
            how = found.method if found else None
            rows.append((table.stream, row.label, name, METRICS[name].unit, *spread, *limits, how))
    columns = ["stream", "label", "metric", "unit", "n", "mean", "std"]
    columns += ["ci95_low", "ci95_high", "ci95_method"]
    return pd.DataFrame(rows, columns=columns)


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


def _running(collection: Collection) -> str:
    count = collection.running.total()
    if not count:
        return ""
    what = "run is" if count == 1 else "runs are"
    return f"{count} {what} in progress in {collection.out} and not in the tables."
