"""Figures that the runs of a stream give no longer."""

from __future__ import annotations

import re
from collections.abc import Collection as Items
from pathlib import Path

from benchmarks.reporting.collect import Collection
from benchmarks.reporting.figures.ablations import ablations, short
from benchmarks.reporting.figures.figure_files import UNSTAMPED
from benchmarks.reporting.files import stale

_FIGURES = ("accuracy", "matrices", "bars", "layers", "plane", "pareto")
_ENDS = rf"(-\d+)?\.({'|'.join(UNSTAMPED)})"


def stale_figures(
    collection: Collection, stream: str, stem: str, written: Items[Path], over: str | None = None
) -> list[Path]:
    """Those below ``figures/`` that are of the stream, by their names, and not in ``written``.

    An ablation stays while its key has two values: ``--over`` may have drawn it. ``over``: where
    the ablation over this key alone was written, its pages alone are looked at.
    """
    folder = collection.out / "figures"
    if over is not None:
        return stale(folder, re.escape(f"{stem}-ablation-{short(over)}") + _ENDS, written)
    fixed = rf"{re.escape(stem)}-({'|'.join(_FIGURES)}){_ENDS}"
    curve = re.compile(rf"{re.escape(stem)}-ablation-(.+?){_ENDS}")
    drawn = {found[1] for path in written if (found := curve.fullmatch(path.name))}
    return stale(folder, fixed, written) + [
        path
        for path in stale(folder, curve.pattern, written)
        if (found := curve.fullmatch(path.name))
        and (found[1] in drawn or not _is_varied(collection, stream, found[1]))
    ]


def _is_varied(collection: Collection, stream: str, name: str) -> bool:
    return any(ablations(collection, stream, key) for key in (name, f"strategy_args.{name}"))
