"""``python -m benchmarks tables | plots | report | check``, and pages of docs/."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.cli.options import DirArgument, end_damaged
from benchmarks.errors import BadInput
from benchmarks.interruptions import way_out
from benchmarks.prepare import prepare_process

if TYPE_CHECKING:
    from benchmarks.reporting.files import Written

app = typer.Typer()

ReferenceOption = Annotated[
    str | None,
    typer.Option(metavar="LABEL", help="the row that is tested against the others (ness)"),
]


@app.command()
def tables(directory: DirArgument, reference: ReferenceOption = None) -> None:
    """Write DIR/tables/*.{md,tex,csv} from the records of DIR, and print the headline table.

    Of each stream: STREAM.md and .tex (means), STREAM.csv (a row a run), and with a suffix -summary
    and -intervals (95 % intervals), -tests (paired tests), -cost, -ranks and -published.
    """
    from benchmarks.reporting.tables import write_tables

    with _writing(directory):
        report = write_tables(directory, reference)
    print(report.headline)
    _finish_report(report)


@app.command()
def plots(
    directory: DirArgument,
    over: Annotated[
        str | None, typer.Option(metavar="KEY", help="only the curves over this key of the spec")
    ] = None,
) -> None:
    """Write DIR/figures/*.{png,pdf} from the records of DIR."""
    from benchmarks.reporting.figures.plots import write_plots

    with _writing(directory):
        report = write_plots(directory, over)
    for path in report.paths:
        print(path)
    _finish_report(report)


@app.command()
def report(directory: DirArgument, reference: ReferenceOption = None) -> None:
    """Write DIR/report.html: tables, figures and every run in one file that needs no network."""
    from benchmarks.reporting.html.report import write_report

    with _writing(directory):
        written = write_report(directory, reference)
    print(written.headline)
    _finish_report(written)


@app.command()
def check(
    directory: DirArgument,
    published: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="published numbers of your own")
    ] = None,
) -> None:
    """Hold DIR against published numbers, both ways; exit status 1 where a comparable one is off.

    The numbers are those of benchmarks/reporting/published.toml, or of --published.
    """
    from benchmarks.reporting.check import check as compare

    if published is None:
        checked = compare(directory)
    else:
        prepare_process()
        from baselines import STRATEGIES

        checked = compare(directory, published, STRATEGIES)
    print(checked.text)
    end_damaged(checked.damaged)
    if checked.off:
        raise typer.Exit(1)


@app.command()
def fidelity() -> None:
    """Write docs/fidelity.md: each method's departures from its paper, from the docstrings."""
    prepare_process()
    from benchmarks.fidelity import PAGE, write

    with _writing(PAGE.parent):
        print(write())


@app.command()
def metrics() -> None:
    """Write docs/metrics.md: each metric's formula and source, from the docstrings."""
    from benchmarks.reporting.metrics_page import PAGE, write

    with _writing(PAGE.parent):
        print(write())


@app.command()
def readme() -> None:
    """Write the demo's headline table and figure into README.md, from results/cpu/demo."""
    from benchmarks.reporting.readme import PAGE, write

    with _writing(PAGE.parent):
        print(write())


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """Turn a folder that cannot be written to into bad input."""
    try:
        yield
    except OSError as error:
        where = error.filename or directory
        raise BadInput(
            f"{where}: cannot be written ({error.strerror}); {way_out(error)}, or copy "
            f"{directory}/runs elsewhere"
        ) from error


def _finish_report(report: Written) -> None:
    for message in report.messages[report.skipped :]:
        print(f"note: {message}", file=sys.stderr)
    end_damaged(report.messages[: report.skipped])
