"""A results folder against the published numbers, as plain text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Collection as Names
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from benchmarks.reporting.collect import Collection, collect
from benchmarks.reporting.comparison import REPEATS, Comparison, compare
from benchmarks.reporting.garbage import uncollected
from benchmarks.reporting.numbers import NOTHING, difference, mean_and_std
from benchmarks.reporting.published import COMPARED, SHIPPED, Published, read_published
from benchmarks.reporting.summary import caption
from benchmarks.reporting.suspicious import suspicions

WIDTH = 100


@dataclass(frozen=True)
class Checked:
    """The comparison as text, and what it came to."""

    text: str
    off: int
    """Comparisons whose verdict is ``off``."""
    damaged: list[str]
    """A line for each record that could not be used."""


@uncollected()
def check(out: Path, published: Path = SHIPPED, strategies: Names[str] | None = None) -> Checked:
    """Hold the runs below ``out/runs`` against the values in ``published``, both ways.

    Each value of a stream that was run has a line with its verdict, and below it the reasons:

    - ``within``: the measured mean differs by no more than the tolerance in ACC and in BWT, or by
      no more than the 95 % interval of the difference, where both sides have a standard deviation
      over `REPEATS` runs or more;
    - ``off``: it differs by more, upwards or downwards;
    - ``not comparable``: the run was made differently, in what is named;
    - ``no runs``: no finished run of the method.

    Then come methods of which nothing is published, and suspicious runs. Raises `BadInput` where
    there are no records, and for a fault in ``published``; see `read_published` for ``strategies``.
    """
    values = read_published(published, strategies)
    collection = collect(out)
    blocks, off = [], 0
    for stream in collection.streams:
        comparisons = compare(collection, stream, values)
        off += sum(comparison.verdict == "off" for comparison in comparisons)
        blocks.append("\n".join(_block(collection, stream, comparisons)))
    if collection.running.total():
        blocks.append(f"Runs in progress, not compared: {collection.running.total()}.")
    if any(values.of_stream(stream) for stream in collection.streams):
        blocks.append(_legend(values))
    return Checked("\n\n".join(blocks), off, collection.messages)


def _block(collection: Collection, stream: str, comparisons: list[Comparison]) -> Iterator[str]:
    yield caption(collection, stream)
    if comparisons:
        yield ""
        yield from _lines(comparisons)
    runs = collection.of_stream(stream)
    published = [comparison.value.strategy for comparison in comparisons]
    unpublished = runs.loc[~runs["strategy"].isin(published), "label"].unique()
    if len(unpublished):
        yield ""
        yield from _wrap(f"nothing published: {', '.join(unpublished)}", "", "  ")
    suspicious = suspicions(collection, stream)
    if suspicious:
        yield ""
        yield "suspicious:"
        for line in suspicious:
            yield from _wrap(line, "  ", "    ")


def _lines(comparisons: list[Comparison]) -> Iterator[str]:
    headings = ["method"]
    for label in COMPARED.values():
        headings += [f"{label} there", "here", "diff"]
    rows = [
        [
            comparison.value.strategy,
            *(text for metric in COMPARED for text in _numbers(comparison, metric)),
            comparison.verdict,
        ]
        for comparison in comparisons
    ]
    grid = tabulate(
        rows,
        [*headings, "verdict"],
        tablefmt="simple",
        colalign=["left", *("right" for _ in headings[1:]), "left"],
        disable_numparse=True,
    ).splitlines()
    yield from grid[:2]
    for line, comparison in zip(grid[2:], comparisons, strict=True):
        yield line.rstrip()
        for reason in _reasons(comparison):
            yield from _wrap(reason, "    ", "      ")


def _numbers(comparison: Comparison, metric: str) -> list[str]:
    there, here = comparison.value.estimate(metric), comparison.measured.get(metric)
    points = comparison.difference(metric)
    return [
        NOTHING if there is None else mean_and_std(there, "%"),
        NOTHING if here is None else mean_and_std(here, "%"),
        NOTHING if points is None else difference(points),
    ]


def _reasons(comparison: Comparison) -> Iterator[str]:
    """What a reader has to know of a line, beginning with what sets the runs apart by label."""
    if comparison.verdict == "no runs":
        return
    if comparison.label != comparison.value.strategy:
        yield comparison.label.removeprefix(f"{comparison.value.strategy} ")
    yield f"{comparison.value.citation}; here n = {comparison.measured['acc'].n}"
    yield from comparison.obstacles
    if not comparison.obstacles:
        for metric, label in COMPARED.items():
            yield from _judgement(comparison, metric, label)
        if comparison.departures:
            yield f"besides, there: {'; '.join(comparison.departures)}"


def _judgement(comparison: Comparison, metric: str, label: str) -> Iterator[str]:
    points, half = comparison.difference(metric), comparison.half_width(metric)
    if points is None or abs(points) <= comparison.tolerance:
        return
    direction = "above" if points > 0 else "below"
    beyond = f"{label} {abs(points):.2f} points {direction}, tolerance {comparison.tolerance:.2f}"
    if half is not None:
        side = "beyond" if comparison.is_off(metric) else "within"
        beyond += f"; {side} the 95 % interval of the difference, \N{PLUS-MINUS SIGN} {half:.2f}"
    yield beyond


def _legend(values: Published) -> str:
    return "\n".join(
        _wrap(
            f"there: published, here: measured, \N{PLUS-MINUS SIGN}: standard deviation over runs. "
            f"Tolerance: {values.tolerance:.2f} points either way, or the 95 % interval of the "
            f"difference where both sides have {REPEATS} runs or more.",
            "",
            "",
        )
    )


def _wrap(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    )
