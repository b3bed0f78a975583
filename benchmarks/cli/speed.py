"""``python -m benchmarks speed``: what NESS and the harness cost, as ratios."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import chosen
from benchmarks.errors import BadInput
from benchmarks.prepare import prepare_process

app = typer.Typer()


@app.command()
def speed(
    out: Annotated[Path, typer.Option(help="results folder")] = Path("results/speed"),
    only: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="step, consolidate, loop or options")
    ] = None,
    net: Annotated[
        list[str] | None, typer.Option(metavar="NET", help="alexnet, mlp, mlp_mnist or resnet18")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    minutes: Annotated[
        float, typer.Option(help="of measuring everything; preparing it comes on top")
    ] = 8.0,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="table and figure of OUT/speed.json, unmeasured")
    ] = False,
) -> None:
    """Time NESS and the harness: OUT/speed.json, a table, a figure. Exit status 1 above a limit.

    Ratios of paired, interleaved measurements. With --only or --net they join those that OUT has
    from the same machine and commit.
    """
    from benchmarks.speed.outputs import FILE, write_outputs
    from benchmarks.speed.quantities import KINDS, NETS
    from benchmarks.speed.speed_file import Measured
    from benchmarks.speed.table import goals_missed, limits_passed

    kinds, nets = chosen(only, KINDS, "--only"), chosen(net, NETS, "--net")
    chosen([device], ("cpu", "cuda"), "--device")
    if not minutes > 0:
        raise BadInput(f"--minutes {minutes:g}: give more than 0")
    if redraw:
        measured = Measured.read(out / FILE)
        write_outputs(measured, out)
    else:
        prepare_process()
        from benchmarks.speed.command import run

        whole = only is None and net is None
        measured = run(out, kinds, nets, device, 60 * minutes, whole=whole)
    print((out / "tables" / "speed.md").read_text())
    for line in goals_missed(measured.ratios):
        print(f"goal missed: {line}", file=sys.stderr)
    passed = limits_passed(measured.ratios)
    for line in passed:
        print(f"error: {line}", file=sys.stderr)
    if passed:
        raise typer.Exit(1)
