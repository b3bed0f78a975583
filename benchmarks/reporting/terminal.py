"""Tables as plain text for the terminal."""

from __future__ import annotations

from tabulate import tabulate

from benchmarks.reporting import notes
from benchmarks.reporting.cells import NOISE, Cell, Table, heading


def render(table: Table) -> str:
    """The headline metrics of every method, mean and standard deviation."""
    shown = table.headline
    grid = tabulate(
        [
            [row.label, str(row.n), *(_text(row.cells[name]) for name in shown)]
            for row in table.rows
        ],
        ["strategy", "n", *(heading(metric) for metric in shown.values())],
        tablefmt="simple",
        colalign=["left", *("right" for _ in range(len(shown) + 1))],
        disable_numparse=True,
    )
    noise = any(row.cells[name].is_within_noise for row in table.rows for name in shown)
    legend = [f"{NOISE}: within the noise of the best of its column (not a test)."] if noise else []
    below = "\n".join([*legend, *notes.survivors(table.rows)])
    return f"{table.caption}\n\n{grid}" + (f"\n\n{below}" if below else "")


def _text(cell: Cell) -> str:
    # In front, where it does not push numbers out of their column.
    return NOISE * cell.is_within_noise + cell.text
