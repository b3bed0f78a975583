"""What the commands have in common: their options, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from benchmarks.errors import BadInput, nearest

T = TypeVar("T", bound=str)

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
RetryOption = Annotated[
    list[str] | None, typer.Option(help="run 'failed' or 'diverged' runs again")
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="never use the network")]


def retried(statuses: list[str] | None) -> list[str]:
    """The statuses of ``--retry``; `BadInput` for one that no ended run has."""
    return chosen(statuses, ("failed", "diverged"), "--retry") if statuses else []


def end_damaged(messages: list[str]) -> None:
    """Name what is damaged; exit status 2 if anything is."""
    for message in messages:
        print(f"error: {message}", file=sys.stderr)
    if messages:
        raise typer.Exit(2)


def chosen(words: list[str] | None, known: Collection[T], option: str) -> list[T]:
    """The words once each in the order of ``known``, or all; `BadInput` for an unknown one."""
    for word in words or []:
        if word not in known:
            raise BadInput(f"{option} {word}: {nearest(word, known)}")
    return [name for name in known if not words or name in words]
