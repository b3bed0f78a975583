"""``python -m benchmarks data``: import, verify and list the data sets in the cache."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the data sets' files.")],
    data: DataDir = None,
) -> None:
    """Put the data sets found in FOLDER into the cache, checked against their known hashes."""
    from benchmarks.data import import_folder

    _print(import_folder(folder, data))


@app.command()
def verify(data: DataDir = None) -> None:
    """Hash every byte of the cached data sets; status 1 if one is damaged."""
    from benchmarks.data import data_folder, verify

    report = verify(data)
    _print(report)
    if not report:
        typer.echo(f"nothing is cached in {data_folder(data)}")
    if not all(status.ok for status in report):
        raise typer.Exit(1)


@app.command("list")
def list_(data: DataDir = None) -> None:
    """Say which data sets are in the cache, and how to get the others."""
    from benchmarks.data import data_folder, listing

    typer.echo(f"data folder: {data_folder(data)}")
    _print(listing(data))


def _print(report: Iterable[Status]) -> None:
    for status in report:
        typer.echo(f"{status.name}: {status.detail}")
