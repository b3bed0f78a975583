"""Tables as LaTeX: booktabs, every string escaped, no wider than a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.reporting.cells import Cell, Table, heading
from benchmarks.reporting.latex_cells import as_cell, as_heading, column_width
from benchmarks.reporting.latex_fit import LINE, PAGE, ROWS, Fit, fit, width
from benchmarks.reporting.latex_text import breakable, escape, prose

Rows = Sequence[tuple[str, Sequence[Cell]]]
"""A label and its cells a row."""

_NOTES = 9.5
"""Points from one line of the notes to the next."""


def render(table: Table, label: str) -> str:
    """A `table` environment to \\input: needs the package booktabs alone."""
    headings = ["Strategy", "n", *map(heading, table.shown.values())]
    return environment(table.caption, label, headings, table.means, table.notes)


def render_intervals(table: Table, label: str) -> str:
    """The 95 % intervals of its accuracies, likewise; the last note says where they come from."""
    shown = [name for name, metric in table.shown.items() if metric.unit == "%"]
    headings = ["Strategy", "n", *(heading(table.shown[name]) for name in shown)]
    caption = f"{table.intervals_title}: {table.caption}"
    return environment(caption, label, headings, table.intervals(shown), table.notes[-1:])


def environment(
    caption: str,
    label: str,
    headings: Sequence[str],
    rows: Rows,
    notes: Sequence[str],
    texts: int = 1,
) -> str:
    """A `table` environment, several where the rows need more than a page.

    The first `texts` columns hold words, the others numbers. Notes that do not fit below the
    rows are text of their own, which may go on on the next page.
    """
    words = [[headings[0], *(name for name, _ in rows)]]
    words += [
        [headings[column], *(cells[column - 1].text for _, cells in rows)]
        for column in range(1, texts)
    ]
    numbers = [
        column_width(headings[column], [cells[column - 1] for _, cells in rows])
        for column in range(texts, len(headings))
    ]
    found = fit(words, numbers)
    columns = "@{}" + "".join(found.texts) + "r" * len(numbers) + "@{}"
    titles = [*map(escape, headings[:texts]), *map(as_heading, headings[texts:], numbers)]
    head = " & ".join(titles) + r" \\"
    body = [_row(name, cells, texts, found) for name, cells in rows]
    parts = list(_pages(found.heights))
    note_lines = sum(1 + width(note) // LINE for note in notes)
    height = sum(found.heights[parts[-1]]) + _NOTES * (note_lines + 12)
    small = rf"{found.size.command}\setlength{{\tabcolsep}}{{{found.size.separation:g}pt}}"
    lines = ["% needs \\usepackage{booktabs}"]
    for number, part in enumerate(parts):
        lines += [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{breakable(caption)}{' (continued)' if number else ''}}}",
            *([] if number else [rf"\label{{tab:{label}}}"]),
            r"\smallskip",
            small,
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body[part],
            r"\bottomrule",
            r"\end{tabular}",
            *(_notes(notes) if part is parts[-1] and height <= PAGE else []),
            r"\end{table}",
        ]
    if height > PAGE:
        lines += [r"{\footnotesize\raggedright\noindent", *map(_note, notes), "}"]
    return "\n".join([*lines, ""])


def _pages(heights: Sequence[float]) -> Iterator[slice]:
    """The rows of each page."""
    first, used = 0, 0.0
    for place, height in enumerate(heights):
        if used + height > ROWS and place > first:
            yield slice(first, place)
            first, used = place, 0.0
        used += height
    yield slice(first, len(heights))


def _notes(notes: Sequence[str]) -> list[str]:
    start = r"\begin{minipage}{\linewidth}\footnotesize\raggedright"
    return ["", r"\medskip", start, *map(_note, notes), r"\end{minipage}"]


def _note(note: str) -> str:
    return rf"{prose(note)}\par"


def _row(name: str, cells: Sequence[Cell], texts: int, found: Fit) -> str:
    words = [breakable(text, 0) for text in (name, *(cell.text for cell in cells[: texts - 1]))]
    if found.is_broken:
        words = [rf"\raggedright {text}" for text in words]
    return " & ".join([*words, *map(as_cell, cells[texts - 1 :])]) + r" \\"
