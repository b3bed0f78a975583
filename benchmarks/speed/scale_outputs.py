"""The files of a measurement of scale, without measuring. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from benchmarks.interruptions import writing
from benchmarks.records import write_atomically
from benchmarks.speed.drawing import write_figure
from benchmarks.speed.scale_figure import figure
from benchmarks.speed.scale_file import Scale
from benchmarks.speed.scale_table import markdown

FILE = "scale.json"


def write_outputs(scale: Scale, out: Path) -> list[Path]:
    """Write ``out/tables/scale.md``, and ``out/figures/scale.{png,pdf}`` once there are points."""
    table = out / "tables" / "scale.md"
    with writing(table):
        write_atomically(table, markdown(scale).encode())
    if not scale.points:
        return [table]
    return [table, *write_figure(lambda: figure(scale), out / "figures", "scale")]
