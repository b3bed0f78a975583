"""``python -m benchmarks``: the command line. Torch is imported only by what trains."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.exceptions import Abort, TyperException

from benchmarks import stopping
from benchmarks.data_cli import app as data_app
from benchmarks.errors import BadInput, nearest
from benchmarks.interruptions import Interrupted, of_the_system, way_out
from benchmarks.prepare import prepare_process

if TYPE_CHECKING:
    from benchmarks.reporting.files import Written

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Compare continual-learning methods on Avalanche streams.",
)

SpecArgument = Annotated[Path, typer.Argument(metavar="SPEC.toml", help="the sweep's TOML")]
OutOption = Annotated[Path, typer.Option("--out", help="results folder")]
DirArgument = Annotated[Path, typer.Argument(metavar="DIR", help="results folder")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="override a value, e.g. protocol.epochs=5"),
]
DataOption = Annotated[Path | None, typer.Option("--data", help="folder of the data sets")]
WorkersOption = Annotated[
    int | None, typer.Option(help="runs at a time (1; on a cluster what it has room for)")
]
ExecutorOption = Annotated[
    str | None,
    typer.Option(metavar="KIND", help="inline, processes, ray or slurm; else by --workers"),
]
ExecutorOptions = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="KEY=VALUE", help="of the executor, e.g. runs_per_gpu=2"),
]
LogOption = Annotated[
    list[str] | None,
    typer.Option("--log", metavar="KIND", help="curves to tensorboard or wandb"),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="never use the network")]


@app.command()
def sweep(
    spec: SpecArgument,
    out: OutOption,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    option: ExecutorOptions = None,
    set_: SetOption = None,
    data: DataOption = None,
    retry: Annotated[
        list[str] | None, typer.Option(help="run 'failed' or 'diverged' runs again")
    ] = None,
    log: LogOption = None,
    offline: OfflineOption = False,
) -> None:
    """Run strategies x seeds of SPEC.toml; what is finished in --out is not run again."""
    for status in retry or []:
        if status not in ("failed", "diverged"):
            raise BadInput(f"--retry {status}: {nearest(status, ('failed', 'diverged'))}")
    prepare_process(offline)
    from benchmarks.executors import make
    from benchmarks.overrides import options
    from benchmarks.sweep import sweep as run_sweep
    from benchmarks.sweep_spec import expand, load_sweep

    specs = expand(load_sweep(spec, set_ or []))
    made = make(executor, workers=workers, options=options(option or []))
    again, trackers = frozenset(retry or []), _trackers(log)
    _finish(run_sweep(specs, out, executor=made, data_dir=data, retry=again, trackers=trackers))


@app.command()
def run(
    spec: SpecArgument,
    strategy: Annotated[str, typer.Option(help="one of the spec's strategies, or another")],
    seed: Annotated[int, typer.Option(help="seed of weights and data order")],
    out: OutOption,
    set_: SetOption = None,
    data: DataOption = None,
    log: LogOption = None,
    offline: OfflineOption = False,
) -> None:
    """Run one strategy with one seed in this process."""
    prepare_process(offline)
    from benchmarks.sweep import sweep as run_sweep
    from benchmarks.sweep_spec import expand, load_sweep

    # Values of the command line, quoted as TOML, so that they are checked like those of the file.
    chosen = [f"strategies=[{json.dumps(strategy)}]", f"seeds=[{seed}]"]
    specs = expand(load_sweep(spec, [*(set_ or []), *chosen]))
    _finish(run_sweep(specs, out, data_dir=data, trackers=_trackers(log)))


@app.command("plan")
def plan_(
    spec: SpecArgument,
    out: Annotated[
        Path | None, typer.Option(help="results folder whose finished runs count as done")
    ] = None,
    workers: Annotated[int, typer.Option(help="runs at a time")] = 1,
    set_: SetOption = None,
    data: DataOption = None,
    offline: OfflineOption = False,
) -> None:
    """Say what SPEC.toml will run, in how many hours and how much memory, by method.

    Times a few steps of every method on this machine; nothing is written.
    """
    prepare_process(offline)
    from benchmarks import plan
    from benchmarks.sweep_spec import expand, load_sweep

    if workers < 1:
        raise BadInput(f"--workers {workers}: give at least 1")
    groups = plan.by_label(expand(load_sweep(spec, set_ or [])))
    width = max(map(len, groups))
    lines: list[plan.Line] = []
    for line in plan.plan(groups, out, data):
        if not lines:
            print(plan.header(width))
        print(plan.render(line, width), flush=True)
        lines.append(line)
    print(plan.summary(lines, workers))
    if any(line.problem for line in lines):
        raise typer.Exit(1)


@app.command()
def status(
    directory: DirArgument,
    as_json: Annotated[bool, typer.Option("--json", help="print it for programs")] = False,
) -> None:
    """Say what DIR holds and what is running, also from another shell or machine."""
    from benchmarks.status import status as look

    found = look(directory)
    print(json.dumps(found.data(), indent=1) if as_json else found.text())
    _end_damaged(found.damaged)


@app.command()
def tables(directory: DirArgument) -> None:
    """Write DIR/tables/*.{md,tex,csv} from the records of DIR, and print the headline table."""
    from benchmarks.reporting.tables import write_tables

    with _writing(directory):
        report = write_tables(directory)
    print(report.headline)
    _finish_report(report)


@app.command()
def plots(directory: DirArgument) -> None:
    """Write DIR/figures/*.{png,pdf} from the records of DIR."""
    from benchmarks.reporting.plots import write_plots

    with _writing(directory):
        report = write_plots(directory)
    for path in report.paths:
        print(path)
    _finish_report(report)


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
    _end_damaged(checked.damaged)
    if checked.off:
        raise typer.Exit(1)


@app.command()
def fidelity() -> None:
    """Write docs/fidelity.md: each method's departures from its paper, from the docstrings."""
    prepare_process()
    from benchmarks.fidelity import PAGE, write

    with _writing(PAGE.parent):
        print(write())


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
def doctor(
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[--data DIR] [--out DIR] [--workers N]")
    ] = None,
) -> None:
    """Check the installation, and say how to mend what is off (exit status 1)."""
    from benchmarks.doctor.command import main as examine

    raise typer.Exit(examine(options or []))


app.add_typer(data_app, name="data")


def main() -> NoReturn:
    """Run the command line.

    Exit status 0, 1 (a run failed or was interrupted), 2 (bad input), or 130, 143 and 129 (stopped
    by Ctrl-C, SIGTERM and SIGHUP).
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # Names of files need not be text; stderr escapes them as it is.
        sys.stdout.reconfigure(errors="backslashreplace")
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    status = 2
    try:
        status = app(standalone_mode=False) or 0
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
    except Interrupted as error:
        status = 1
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        status = 1
        with suppress(OSError):  # it may be stderr itself that cannot be written
            print(f"error: {of_the_system(error)}", file=sys.stderr)
    except TyperException as error:  # a word of the command line itself
        message = " ".join(error.format_message().split())
        print(f"error: {message} `python -m benchmarks --help` has the usage", file=sys.stderr)
    except (Abort, KeyboardInterrupt):
        status = 130
    if status == 130:  # typer's own answer to Ctrl-C, or ours
        status = stopping.exit_status()
        resumes = sys.argv[1] in ("sweep", "run")
        goes_on = "; the same command goes on from the last finished task" if resumes else ""
        with suppress(OSError):  # a terminal that was closed
            print(f"stopped{goes_on}", file=sys.stderr)
    sys.exit(status)


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


def _trackers(kinds: list[str] | None) -> list[str]:
    """The kinds of ``--log`` once each, known to work."""
    if not kinds:
        return []
    from benchmarks.trackers import check

    chosen = list(dict.fromkeys(kinds))
    check(chosen)
    return chosen


def _finish(counts: Counter[str]) -> None:
    print(", ".join(f"{n} {status}" for status, n in sorted(counts.items())))
    if {"failed", "diverged"} & set(counts):
        print("`python -m benchmarks status DIR` has the reasons", file=sys.stderr)
    if set(counts) - {"finished"}:
        raise typer.Exit(1)


def _finish_report(report: Written) -> None:
    for message in report.messages[report.skipped :]:
        print(f"note: {message}", file=sys.stderr)
    _end_damaged(report.messages[: report.skipped])


def _end_damaged(messages: list[str]) -> None:
    for message in messages:
        print(f"error: {message}", file=sys.stderr)
    if messages:
        raise typer.Exit(2)
