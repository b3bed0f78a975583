"""The notes under the table of a search: what its reader has to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.records import RunRecord, read_all
from benchmarks.reporting.search import FOLDER, Search
from benchmarks.reporting.specs import show

_BEST = (
    "Best: the highest mean; in a tie the first in grid order, blind to which the spec has (behind "
    "all others where the grid has not the spec's own)."
)


def notes(search: Search, out: Path) -> list[str]:
    """What the reader of the table has to know."""
    n, seeds = len(search.seeds), ", ".join(map(str, search.seeds))
    repeated = "" if n == 1 else "; \N{PLUS-MINUS SIGN}: sample standard deviation over them"
    compared = _compared(search, out)
    shared = [seed for seed in search.seeds if seed in compared]
    named = f"{'seed' if n == 1 else 'seeds'} ({seeds})"
    by = f"{n} {named}" if shared else f"{n} held-back {named} that no compared run has"
    steered = f"the learning rate{_kept(search)} of every method alike"
    return [
        f"ACC: mean over tasks after the last, on validation images, by {by}{repeated}.",
        *_not_held_back(shared, out),
        f"Tried: {search.budget} configurations, the spec's own among them, or all that there are.",
        _BEST,
        *_unchanged(search),
        *_counts(search),
        *_broken(search),
        *_edges(search),
        *without_best(search),
        *incomplete(search, out),
        f"The validation images also steer {steered}. No test image was read.",
        "The best of several tries flatters itself: what is gained on the test is less.",
        f"From the runs in {out / FOLDER}; regenerate with `{search.command(out)}`.",
    ]


def _compared(search: Search, out: Path) -> list[Any]:
    """Seeds of the runs beside the search, whatever has become of them."""
    records = read_all(out, search.stream)
    return [record.spec.get("seed") for record in records if isinstance(record, RunRecord)]


def _not_held_back(shared: Sequence[int], out: Path) -> Iterator[str]:
    if shared:
        seeds = ("seed " if len(shared) == 1 else "seeds ") + ", ".join(map(str, shared))
        yield (
            f"Not held back: runs in {out / 'runs'} have {seeds} too, so what they show is not "
            f"independent of the search."
        )


def _unchanged(search: Search) -> Iterator[str]:
    if search.methods and all(method.winner == 0 for method in search.methods):
        yield (
            "The spec already has the best values of every method, so that the gain is 0: an "
            "earlier search gave them, or none was better."
        )


def _counts(search: Search) -> Iterator[str]:
    fewer = [
        f"{m.strategy} ({len(m.configurations)} of {search.budget})"
        for m in search.methods
        if len(m.configurations) < search.budget
    ]
    if fewer:
        yield f"Fewer, as their grids have no more: {', '.join(fewer)}."
    drawn = [
        f"{m.strategy} ({len(m.configurations)} of {m.there_are})"
        for m in search.methods
        if m.there_are > len(m.configurations)
    ]
    if drawn:
        yield f"Drawn from a larger grid, by a seed of the method's name: {', '.join(drawn)}."


def _broken(search: Search) -> Iterator[str]:
    for method in search.methods:
        for status in ("failed", "diverged"):
            broken = [c.text for c in method.configurations if c.status == status]
            if broken:
                yield f"{method.strategy} {status}, cannot be best: {'; '.join(broken)}."


def without_best(search: Search) -> Iterator[str]:
    """A line for each method of a complete search none of whose configurations finished."""
    for method in search.methods:
        if method.best is None and not search.missing:
            yield f"No configuration of {method.strategy} finished: it keeps the spec's values."


def _edges(search: Search) -> Iterator[str]:
    edges = [
        f"{m.strategy} ({', '.join(f'{key}={show(value)}' for key, value in m.at_edge.items())})"
        for m in search.methods
        if m.at_edge
    ]
    if edges:
        yield f"Best at the edge of what was tried, so more may lie beyond: {', '.join(edges)}."


def incomplete(search: Search, out: Path) -> Iterator[str]:
    """What is missing of a search, in a line, if anything is."""
    if search.missing:
        number = sum(len(m.configurations) for m in search.methods)
        yield (
            f"Not complete: {search.missing} of {number} configurations lack runs, so nothing is "
            f"best yet; `{search.command(out)}` goes on."
        )


def _kept(search: Search) -> str:
    return " and choose the kept weights" if "best" in search.keep else ""
