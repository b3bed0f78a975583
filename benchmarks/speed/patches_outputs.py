"""What sampling windows does to the bases, as a table and a figure. Needs no torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from benchmarks.interruptions import writing
from benchmarks.records import write_atomically
from benchmarks.reporting.markdown import bullets, grid
from benchmarks.speed.patches_drawing import write_figures
from benchmarks.speed.patches_file import Angles, Basis, Draw, Patches
from benchmarks.speed.speed_file import Measured
from benchmarks.speed.table import place

NOTES = """\
`patch_share` of NESS: moments over a random share of each convolution's windows in every batch. One
net, trained on the first task of the spec and then left as it is; all bases are of the same inputs.

Angles are principal angles between the exact space and the sampled one, of min(dimensions): between
the free directions V, and between the protected ones C. Where the threshold cuts through a spectrum
without a gap, it is chance which of the directions next to it are free: the largest angle can be
near 90 degrees where the leak hardly differs.

The leak says what is lost: ‖X V‖ / ‖X‖ of the inputs X of all windows, along the directions that
the basis calls free; beside that of the exact basis, and beside the least that any basis with as
many directions leaks: the rest of the difference is another rank.

Medians over the draws, in brackets the extremes.

Seconds: one pass of moments over the task, all layers, forward pass included; paired and
interleaved. The decomposition comes on top and takes as long for any share.
"""


def write_outputs(found: Patches, out: Path) -> list[Path]:
    """Write ``out/tables/patches.md`` and ``out/figures/patches.{png,pdf}``."""
    path = out / "tables" / "patches.md"
    with writing(path):
        write_atomically(path, markdown(found).encode())
    return [path, *write_figures(found, out / "figures")]


def markdown(found: Patches) -> str:
    """The whole page."""
    parts = ["# Moments over a share of the windows", bullets(_setting(found))]
    for eps in dict.fromkeys(basis.eps for basis in found.bases):
        parts += [f"## Bases at eps = {eps:g}", _bases(found, eps)]
    parts += ["## Seconds of the pass", _seconds(found), bullets(NOTES.split("\n\n"))]
    return "\n\n".join(parts) + "\n"


def _setting(found: Patches) -> list[str]:
    spec = found.spec
    net = (
        f"{spec['backbone']} on the first task of {spec['stream']}, {spec['protocol']['epochs']} "
        f"epochs, seed {spec['seed']}; {len(found.seeds)} draws a share."
    )
    layers = [
        f"{name} (d = {size.inputs}, {size.windows:,} windows)"
        for name, size in found.layers.items()
    ]
    where = place(Measured(environment=found.environment))
    return [*where, net, f"Convolutions: {', '.join(layers)}."]


def _bases(found: Patches, eps: float) -> str:
    headings = ["Layer", "Share", "Rank", "Angles of V", "largest", "Angles of C", "largest"]
    rows = []
    for basis in (basis for basis in found.bases if basis.eps == eps):
        rows.append([basis.layer, "1", str(basis.rank), *[""] * 4, percent(basis.leak), "1", "1"])
        rows += [_row(basis, share, draws) for share, draws in basis.draws.items()]
    return grid([*headings, "Leak (%)", "/ exact", "/ least"], rows)


def _row(basis: Basis, share: str, draws: list[Draw]) -> list[str]:
    ranks, leaks = [draw.rank for draw in draws], [draw.leak for draw in draws]
    leak = statistics.median(leaks)
    return [
        basis.layer,
        share,
        f"{statistics.median(ranks):.0f} ({min(ranks)} to {max(ranks)})",
        *_degrees(draw.free for draw in draws),
        *_degrees(draw.protected for draw in draws),
        f"{percent(leak)} ({percent(min(leaks))} to {percent(max(leaks))})",
        _ratio(leak, basis.leak),
        _ratio(leak, statistics.median(draw.least for draw in draws)),
    ]


def _ratio(leak: float, reference: float) -> str:
    return f"{leak / reference:.2f}" if reference else ""


def _degrees(angles: Iterable[Angles | None]) -> list[str]:
    """Median and largest angle, each the median over the draws that have one."""
    known = [each for each in angles if each is not None]
    if not known:
        return ["", ""]
    return [
        f"{statistics.median(each.median for each in known):.1f}°",
        f"{statistics.median(each.largest for each in known):.1f}°",
    ]


def _seconds(found: Patches) -> str:
    rows = [
        [
            share,
            f"{entry.median:.3f}",
            f"{entry.low:.3f} to {entry.high:.3f}",
            str(entry.rounds),
            f"{entry.seconds[share]:.3g} / {entry.seconds['all']:.3g}",
        ]
        for share, entry in found.seconds.items()
    ]
    return grid(["Share", "/ all windows", "95 % interval", "Rounds", "Seconds"], rows)


def percent(leak: float) -> str:
    """Three digits of a share in percent."""
    return f"{100 * leak:.3g}"
