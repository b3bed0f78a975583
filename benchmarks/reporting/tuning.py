"""A search for hyper-parameters as a table: what was tried of each method, and what won."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from benchmarks.records import write_atomically
from benchmarks.reporting import latex, markdown
from benchmarks.reporting.cells import labelled
from benchmarks.reporting.numbers import NOTHING, difference, mean_and_std
from benchmarks.reporting.search import FOLDER, Search, read_search
from benchmarks.reporting.search_parts import Configuration, Method
from benchmarks.reporting.tuning_notes import notes

FILES = ("search.json", "tuning.md", "tuning.tex", "tuning.csv")
"""What is below ``out/tuning`` beside the runs."""

EVERY_HEADINGS = ("Strategy", "Values", "n", "ACC (%)", "Status")
HEADINGS = ("Strategy", "Best values", "Tried", "ACC of the spec (%)", "Best ACC (%)", "Gain")


def rewrite_tuning(out: Path) -> list[Path]:
    """`write_tuning` of the search stored below ``out`` from its runs as they are now; nothing
    where there was none. Raises `BadInput` for a damaged one."""
    search = read_search(out)
    return write_tuning(search, out) if search else []


def write_tuning(search: Search, out: Path) -> list[Path]:
    """Write ``out/tuning/search.json`` and ``tuning.md``, ``.tex`` and ``.csv``."""
    said = notes(search, out)
    texts = (
        as_markdown(search, said),
        as_latex(search, said),
        frame(search).to_csv(index=False, lineterminator="\n"),
    )
    paths = [search.write(out)]
    for name, text in zip(FILES[1:], texts, strict=True):
        paths.append(out / FOLDER / name)
        write_atomically(paths[-1], text.encode("utf-8", "backslashreplace"))
    return paths


def caption(search: Search) -> str:
    """What the table is of."""
    return f"Search on {search.stream}: validation accuracy of {search.spec}"


def as_markdown(search: Search, said: Sequence[str]) -> str:
    """The table of the methods, its notes as ``said``, and every configuration."""
    every = [list(map(markdown.escape, row)) for row in configurations_of(search)]
    return (
        "\n\n".join(
            [
                f"# {markdown.escape(caption(search))}",
                markdown.grid(
                    HEADINGS, [list(map(markdown.escape, r)) for r in rows(search)], names=2
                ),
                markdown.bullets(said),
                "Every configuration, the spec's own first:",
                markdown.grid(EVERY_HEADINGS, every, names=2),
            ]
        )
        + "\n"
    )


def as_latex(search: Search, said: Sequence[str]) -> str:
    """The table of the methods and its notes as ``said``."""
    cells = labelled(rows(search))
    return latex.environment(caption(search), "tuning", HEADINGS, cells, said, texts=2)


def as_text(search: Search) -> str:
    """The table of the methods for the terminal."""
    grid = tabulate(
        rows(search),
        [heading.lower() if heading == "Strategy" else heading for heading in HEADINGS],
        tablefmt="simple",
        colalign=("left", "left", "right", "right", "right", "right"),
        disable_numparse=True,
    )
    return f"{caption(search)}\n\n{grid}"


def frame(search: Search) -> pd.DataFrame:
    """A row a configuration, with its values as one text."""
    configurations = [
        (
            method.strategy,
            c.text,
            place == 0,
            place == method.winner,
            c.status,
            c.n,
            c.mean,
            c.std,
            " ".join(c.runs),
        )
        for method in search.methods
        for place, c in enumerate(method.configurations)
    ]
    columns = ["strategy", "values", "of_the_spec", "best", "status", "n", "mean", "std", "runs"]
    return pd.DataFrame(configurations, columns=columns)


def rows(search: Search) -> list[list[str]]:
    """A row of plain text a method, under `HEADINGS`."""
    return [
        [
            method.strategy,
            _best_values(method),
            str(len(method.configurations)),
            _accuracy(method.own),
            _accuracy(method.best) if method.best else NOTHING,
            _gain(method),
        ]
        for method in search.methods
    ]


def configurations_of(search: Search) -> list[list[str]]:
    """A row a configuration, under `EVERY_HEADINGS`."""
    return [
        [method.strategy, c.text or "the spec's", *_scored(c)]
        for method in search.methods
        for c in method.configurations
    ]


def _accuracy(configuration: Configuration) -> str:
    if configuration.status != "ranked" or configuration.summary is None:
        return configuration.status
    return mean_and_std(configuration.summary, "%")


def _gain(method: Method) -> str:
    own, best = method.own, method.best
    if best is None or best.mean is None or own.status != "ranked" or own.mean is None:
        return NOTHING
    return difference(best.mean - own.mean)


def _best_values(method: Method) -> str:
    if method.best is None:
        return NOTHING
    return "the spec's" if method.winner == 0 else method.best.text


def _scored(c: Configuration) -> list[str]:
    return [str(c.n), mean_and_std(c.summary, "%") if c.summary else NOTHING, c.status]
