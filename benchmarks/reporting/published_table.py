"""Published numbers beside measured ones: the table of one stream, as Markdown, LaTeX and CSV."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.reporting import latex, markdown
from benchmarks.reporting.cells import Cell, footnote_letter
from benchmarks.reporting.comparison import Comparison
from benchmarks.reporting.numbers import NOTHING, difference, mean_and_std
from benchmarks.reporting.published import COMPARED


def as_markdown(comparisons: Sequence[Comparison], caption: str, source: str) -> str:
    """The comparisons of a stream that have runs, and how each published number was got.

    ``source``: the note that says where the measured numbers come from.
    """
    grid = markdown.rows_grid(_headings(), _rows(comparisons))
    title = f"# {_TITLE}: {markdown.escape(caption)}"
    return "\n\n".join([title, grid, markdown.bullets(_notes(comparisons, source))]) + "\n"


def as_latex(comparisons: Sequence[Comparison], caption: str, source: str, label: str) -> str:
    """The same as a `table` environment, see `benchmarks.reporting.latex`."""
    title, notes = f"{_TITLE}: {caption}", _notes(comparisons, source)
    return latex.environment(title, label, _headings(), _rows(comparisons), notes)


def frame(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The same unrounded, a row a comparison; percent, differences in points, NaN where unknown."""
    rows = []
    for comparison in comparisons:
        value = comparison.value
        row: dict[str, object] = {
            "stream": value.stream,
            "label": comparison.label,
            "kind": value.kind,
            "source": value.source,
            "verdict": comparison.verdict,
        }
        for metric in COMPARED:
            for side, found in (
                ("published", value.estimate(metric)),
                ("measured", comparison.measured.get(metric)),
            ):
                row[f"{metric}_{side}"] = found.mean if found else None
                row[f"{metric}_{side}_std"] = found.std if found else None
                row[f"{metric}_{side}_n"] = found.n if found else None
            row[f"{metric}_difference"] = comparison.difference(metric)
        row["obstacles"] = " | ".join(comparison.obstacles)
        row["departures"] = " | ".join(comparison.departures)
        rows.append(row)
    # As objects, or counts would become floats beside one that is not known.
    return pd.DataFrame(rows, dtype=object)


_TITLE = "Published beside measured"


def _headings() -> list[str]:
    headings = ["Strategy", "n"]
    for label in COMPARED.values():
        headings += [f"Published {label} (%)", f"Measured {label} (%)", "Difference"]
    return [*headings, "Protocols"]


def _rows(comparisons: Sequence[Comparison]) -> list[tuple[str, list[Cell]]]:
    rows = []
    for number, comparison in enumerate(comparisons):
        cells = [Cell(str(comparison.measured["acc"].n))]
        for metric in COMPARED:
            there, here = comparison.value.estimate(metric), comparison.measured.get(metric)
            points = comparison.difference(metric)
            cells += [
                Cell(NOTHING if there is None else mean_and_std(there, "%")),
                Cell(NOTHING if here is None else mean_and_std(here, "%")),
                Cell(NOTHING if points is None else difference(points)),
            ]
        agree = "differ" if comparison.obstacles else "match"
        cells.append(Cell(agree, footnote=footnote_letter(number)))
        rows.append((comparison.label, cells))
    return rows


def _notes(comparisons: Sequence[Comparison], source: str) -> list[str]:
    notes = []
    for number, comparison in enumerate(comparisons):
        known = "; ".join([comparison.value.citation, *comparison.obstacles])
        notes.append(f"{footnote_letter(number)}: {known}.")
        if comparison.departures and not comparison.obstacles:
            notes.append(f"- Besides, there: {'; '.join(comparison.departures)}.")
    return [
        *notes,
        (
            "n: finished runs measured here. Difference: measured - published, points. "
            "\N{PLUS-MINUS SIGN}: sample standard deviation over runs."
        ),
        source,
    ]
