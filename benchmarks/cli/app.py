"""``python -m benchmarks``: the command line. Torch is imported only by what trains."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn

import typer
from typer.exceptions import Abort, TyperException

from benchmarks import stopping
from benchmarks.cli import data, doctor, patches, reports, runs, scale, speed, tune
from benchmarks.errors import BadInput
from benchmarks.interruptions import Interrupted, of_the_system

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Compare continual-learning methods on Avalanche streams.",
)
app.add_typer(runs.app)
app.add_typer(tune.app)
app.add_typer(reports.app)
app.add_typer(doctor.app)
app.add_typer(speed.app)
app.add_typer(patches.app)
app.add_typer(scale.app)
app.add_typer(data.app, name="data")


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
        resumes = sys.argv[1] in ("sweep", "run", "tune")
        goes_on = "; the same command goes on from the last finished task" if resumes else ""
        with suppress(OSError):  # a terminal that was closed
            print(f"stopped{goes_on}", file=sys.stderr)
    sys.exit(status)
