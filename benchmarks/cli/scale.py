"""``python -m benchmarks scale``: how the cost of NESS and its rivals grows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import chosen
from benchmarks.prepare import prepare_process

app = typer.Typer()


@app.command()
def scale(
    out: Annotated[Path, typer.Option(help="results folder")] = Path("results/speed"),
    only: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="tasks, width, samples or sweep")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda; the sweep is on the CPU")] = "cpu",
    quick: Annotated[
        bool, typer.Option("--quick", help="tiny sizes, to see that everything works")
    ] = False,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="table and figure of OUT/scale.json, unmeasured")
    ] = False,
) -> None:
    """Time NESS against tasks, width and samples, and a sweep on two cores: OUT/scale.json.

    A table and a figure too. With --only the parts join those that OUT has from the same machine
    and commit.
    """
    from benchmarks.speed.scale_file import Scale
    from benchmarks.speed.scale_outputs import FILE, write_outputs
    from benchmarks.speed.scale_sizes import PARTS

    parts = chosen(only, PARTS, "--only")
    chosen([device], ("cpu", "cuda"), "--device")
    if redraw:
        write_outputs(Scale.read(out / FILE), out)
    else:
        prepare_process()
        from benchmarks.speed.scale_command import run

        run(out, parts, device, whole=only is None, quick=quick)
    print((out / "tables" / "scale.md").read_text())
