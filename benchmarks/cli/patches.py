"""``python -m benchmarks patches``: what sampling windows does to NESS's bases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import DataOption, OfflineOption
from benchmarks.prepare import prepare_process

app = typer.Typer()


@app.command()
def patches(
    out: Annotated[Path, typer.Option(help="results folder")] = Path("results/speed"),
    data: DataOption = None,
    offline: OfflineOption = False,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="table and figure of OUT/patches.json, unmeasured")
    ] = False,
) -> None:
    """Compare NESS's bases from a share of the windows with those from all, on CIFAR-100.

    OUT/patches.json, a table, a figure: angles, leak, ranks, and the seconds of the moments.
    """
    from benchmarks.speed.patches_file import FILE, Patches
    from benchmarks.speed.patches_outputs import write_outputs

    if redraw:
        found = Patches.read(out / FILE)
    else:
        prepare_process(offline)
        from benchmarks.speed.patches import run

        found = run(data)
        found.write(out / FILE)
    write_outputs(found, out)
    print((out / "tables" / "patches.md").read_text())
