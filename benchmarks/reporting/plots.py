"""A results folder as figures, at the size of print: PNG to look at, PDF to include."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from benchmarks.records import write_atomically
from benchmarks.reporting.collect import Collection, collect
from benchmarks.reporting.figure_files import UNSTAMPED, figure_bytes
from benchmarks.reporting.figures import (
    LineStyle,
    accuracy_figure,
    line_styles,
    matrices_figure,
)
from benchmarks.reporting.files import Written, stems
from benchmarks.reporting.order import canonical
from benchmarks.reporting.pareto_figure import pareto_figure

STYLE = Path(__file__).with_name("paper.mplstyle")


def write_plots(out: Path) -> Written:
    """Write ``out/figures/<stream>-<figure>.png`` and ``.pdf`` for each stream:

    - ``accuracy``: average accuracy on the tasks seen so far, against the tasks trained;
    - ``matrices``: the accuracy matrix of every method, mean over seeds;
    - ``pareto``: ACC against seconds per task and bytes kept, with the methods that no other beats.

    Finished runs alone are drawn; a method without any is named in the messages. Raises
    `BadInput` where there are no records.
    """
    collection = collect(out)
    written = Written(messages=list(collection.messages), skipped=len(collection.messages))
    if not collection.records:
        return written
    looks = looks_of(collection)
    for stream, stem in stems(collection.streams).items():
        written.messages += _absent(collection, stream)
        with matplotlib.style.context(STYLE):
            for name, figure in stream_figures(collection, stream, looks).items():
                for suffix in UNSTAMPED:
                    path = out / "figures" / f"{stem}-{name}.{suffix}"
                    write_atomically(path, figure_bytes(figure, suffix))
                    written.paths.append(path)
    written.headline = f"{len(written.paths)} figure files in {out / 'figures'}"
    return written


def stream_figures(
    collection: Collection, stream: str, looks: dict[str, LineStyle]
) -> dict[str, Figure]:
    """{name: figure} of one stream, drawn in the style in force; empty without a finished run."""
    finished = collection.finished(stream)
    if not finished:
        return {}
    figures = {
        "accuracy": accuracy_figure(finished, looks),
        "matrices": matrices_figure(finished),
        "pareto": pareto_figure(finished, looks),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def looks_of(collection: Collection) -> dict[str, LineStyle]:
    """How each method is drawn: alike in all figures of a folder.

    In reverse table order, so that NESS has the first look whatever it is compared with.
    """
    finished = collection.runs[collection.runs["status"] == "finished"]
    strategies = dict(zip(finished["label"], finished["strategy"], strict=True))
    order = sorted(strategies, key=lambda label: (canonical(strategies[label]), label))
    return line_styles({label: strategies[label] for label in reversed(order)})


def _absent(collection: Collection, stream: str) -> list[str]:
    finished = collection.finished(stream)
    labels = dict.fromkeys(collection.of_stream(stream)["label"])
    absent = [label for label in labels if label not in finished]
    return [f"{stream}: {', '.join(absent)} not drawn (no finished run)"] if absent else []
