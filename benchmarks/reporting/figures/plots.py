"""A results folder as figures, at the size of print: PNG to look at, PDF to include."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from benchmarks.errors import BadInput
from benchmarks.records import write_atomically
from benchmarks.reporting.collect import Collection, collect
from benchmarks.reporting.figures.ablation_figure import ablation_figures
from benchmarks.reporting.figures.ablations import ablations, short, varied_key
from benchmarks.reporting.figures.accuracy_figure import accuracy_figures
from benchmarks.reporting.figures.bars_figure import bars_figures
from benchmarks.reporting.figures.figure_files import UNSTAMPED, figure_bytes
from benchmarks.reporting.figures.layers_figure import layers_figures
from benchmarks.reporting.figures.lazily import Lazily
from benchmarks.reporting.figures.looks import LineStyle, frozen, line_styles
from benchmarks.reporting.figures.matrices_figure import matrices_figures
from benchmarks.reporting.figures.panels import numbered
from benchmarks.reporting.figures.pareto_figure import pareto_figure
from benchmarks.reporting.figures.plane import misplaced
from benchmarks.reporting.figures.plane_figure import plane_figure
from benchmarks.reporting.figures.stale_figures import stale_figures
from benchmarks.reporting.files import Written, remove, stems
from benchmarks.reporting.order import canonical

STYLE = Path(__file__).with_name("paper.mplstyle")


def write_plots(out: Path, over: str | None = None) -> Written:
    """Write ``out/figures/<stream>-<figure>.png`` and ``.pdf`` for each stream:

    - ``accuracy``: average accuracy on the tasks seen so far, against the tasks trained;
    - ``matrices``: the accuracy matrix of every method, mean over seeds;
    - ``bars``: each task's accuracy just after learning it, and after the last task;
    - ``layers``: rank and measured interference of each layer, task by task;
    - ``plane``: learning accuracy (plasticity) against BWT (stability);
    - ``pareto``: ACC against seconds per task and bytes kept, with the methods that no other beats;
    - ``ablation-<key>``: ACC and BWT against a numeric key of the spec that was varied.

    What does not fit a page goes on in ``matrices-2`` and so on. `over`: draw the ablation over
    this key alone, from two values on. Finished runs alone are drawn; a method without any is named
    in the messages. A file of these names that the runs give no longer is removed, with a message.
    Raises `BadInput` where there are no records, or no curve over the key.
    """
    collection = collect(out)
    written = Written(messages=list(collection.messages), skipped=len(collection.messages))
    if not collection.records:
        return written
    looks = looks_of(collection)
    key = None if over is None else varied_key(collection, over)
    for stream, stem in stems(collection.streams).items():
        written.messages += absent(collection, stream)
        with matplotlib.style.context(STYLE):
            if key is None:
                figures = stream_figures(collection, stream, looks)
            else:
                figures = curves_over(collection, stream, key)
            every = (page for kind in figures.items() for page in numbered(*kind))
            for name, figure in every:
                for suffix in UNSTAMPED:
                    path = out / "figures" / f"{stem}-{name}.{suffix}"
                    write_atomically(path, figure_bytes(figure, suffix))
                    written.paths.append(path)
    if key is not None and not written.paths:
        raise BadInput(
            f"--over {over}: no two runs of a method differ in it alone and have an ACC; "
            f"vary it with [grid] in a spec"
        )
    for stream, stem in stems(collection.streams).items():
        written.messages += remove(stale_figures(collection, stream, stem, written.paths, key))
    written.headline = f"{len(written.paths)} figure files in {out / 'figures'}"
    return written


def stream_figures(
    collection: Collection, stream: str, looks: dict[str, LineStyle]
) -> dict[str, Sequence[Figure]]:
    """{name: pages} of one stream; empty without a finished run.

    A page is drawn when it is read, in the style then in force.
    """
    finished = collection.finished(stream)
    if not finished:
        return {}
    figures = {
        "accuracy": accuracy_figures(finished, looks),
        "matrices": matrices_figures(finished),
        "bars": bars_figures(finished, looks),
        "layers": layers_figures(finished),
        "plane": _page(plane_figure(finished, looks)),
        "pareto": _page(pareto_figure(finished, looks)),
    }
    return _drawn(figures) | curves_over(collection, stream)


def curves_over(
    collection: Collection, stream: str, over: str | None = None
) -> dict[str, Sequence[Figure]]:
    """{``ablation-<key>``: pages} of the keys that were varied, or of the one asked for."""
    found = ablations(collection, stream, over)
    return _drawn({f"ablation-{short(one.key)}": ablation_figures(one) for one in found})


def _drawn(figures: dict[str, Sequence[Figure]]) -> dict[str, Sequence[Figure]]:
    """Those that have a page, each page frozen when it is read."""
    return {name: Lazily(frozen, pages) for name, pages in figures.items() if pages}


def _page(figure: Figure | None) -> list[Figure]:
    return [] if figure is None else [figure]


def looks_of(collection: Collection) -> dict[str, LineStyle]:
    """How each method is drawn: alike in all figures of a folder.

    In reverse table order, so that NESS has the first look whatever it is compared with.
    """
    finished = collection.runs[collection.runs["status"] == "finished"]
    strategies = dict(zip(finished["label"], finished["strategy"], strict=True))
    order = sorted(strategies, key=lambda label: (canonical(strategies[label]), label))
    return line_styles({label: strategies[label] for label in reversed(order)})


def absent(collection: Collection, stream: str) -> list[str]:
    """A line on the methods that no figure of the stream shows, and on those not in the plane."""
    finished = collection.finished(stream)
    labels = dict.fromkeys(collection.of_stream(stream)["label"])
    absent = [label for label in labels if label not in finished]
    lines = [f"{stream}: {', '.join(absent)} not drawn (no finished run)"] if absent else []
    placeless = misplaced(finished)
    if placeless:
        why = next(iter(placeless.values()))
        lines.append(f"{stream}: {', '.join(placeless)} not in the plane ({why})")
    return lines
