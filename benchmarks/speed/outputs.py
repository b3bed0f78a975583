"""The files of a folder of ratios. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from benchmarks.interruptions import writing
from benchmarks.records import write_atomically
from benchmarks.speed.drawing import figure, write_figure
from benchmarks.speed.speed_file import Measured
from benchmarks.speed.table import markdown

FILE = "speed.json"


def write_outputs(measured: Measured, out: Path) -> list[Path]:
    """Write ``out/tables/speed.md`` and ``out/figures/speed.{png,pdf}``."""
    table = out / "tables" / "speed.md"
    with writing(table):
        write_atomically(table, markdown(measured).encode())
    return [table, *write_figure(lambda: figure(measured), out / "figures", "speed")]
