"""``python -m benchmarks data``: fetch, import, verify and list the data sets in the cache."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.errors import BadInput, one_line

if TYPE_CHECKING:
    from benchmarks.data import Status

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        show_default=False,
        help="The data folder; else environment NESS_DATA, else the user's cache folder.",
    ),
]

app = typer.Typer(no_args_is_help=True, help="Get, check and list data sets.")


Offline = Annotated[
    bool,
    typer.Option(
        "--offline", help="Open no connection; say which files are missing. Or NESS_OFFLINE=1."
    ),
]


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every data set that there is.")] = False,
    data: DataDir = None,
    offline: Offline = False,
) -> None:
    """Put the data sets NAME... into the cache: from the data folder, else downloaded.

    An interrupted download is continued by the next one. Every byte of what is there is hashed.
    Status 1 if one cannot be had or is damaged.
    """
    from benchmarks.data import DATASETS, fetch

    if all_ == bool(names):
        raise BadInput(f"name the data sets to fetch, or give --all; known: {', '.join(DATASETS)}")
    if offline:
        os.environ["NESS_OFFLINE"] = "1"
    _report(fetch(names or DATASETS, data))


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the data sets' files.")],
    data: DataDir = None,
) -> None:
    """Put the data sets found in FOLDER into the cache, checked against their known hashes.

    Goes on after a damaged one; then the status is 1.
    """
    from benchmarks.data import import_folder

    _report(import_folder(folder, data))


@app.command()
def verify(data: DataDir = None) -> None:
    """Hash every byte of the cached data sets; status 1 if one is damaged or incomplete."""
    from benchmarks.data import data_folder, verify

    report = verify(data)
    if not report:
        typer.echo(f"nothing is cached in {data_folder(data)}")
    _report(report)


@app.command("list")
def list_(data: DataDir = None) -> None:
    """Say which data sets are in the cache, and how to get the others."""
    from benchmarks.data import data_folder, listing

    typer.echo(f"data folder: {data_folder(data)}")
    for status in listing(data):
        _print(status)


@app.command()
def show(
    stream: Annotated[str, typer.Argument(help="A stream with its scenario: split_cifar10/til.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="stream_args.*, class_order or seed, as in a spec."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Else montage-STREAM.png; .png without a suffix.",
        ),
    ] = None,
    data: DataDir = None,
) -> None:
    """Picture the first training batch of each task of STREAM, as the net sees it."""
    from benchmarks.montage import make_stream, picture_file, read_overrides, write_montage

    overrides = set_ or []
    file = picture_file(Path(f"montage-{stream.replace('/', '-')}.png") if out is None else out)
    write_montage(make_stream(stream, overrides, data), file, seed=read_overrides(overrides).seed)
    typer.echo(file)


def _report(report: Iterable[Status]) -> None:
    """Print statuses as they come; exit with 1 if one is not ok."""
    complete = True
    for status in report:
        _print(status)
        complete &= status.ok
    if not complete:
        raise typer.Exit(1)


def _print(status: Status) -> None:
    # Names of files in an imported folder are foreign text.
    typer.echo(one_line(f"{status.name}: {status.detail}"))
