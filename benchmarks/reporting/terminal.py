"""Tables as plain text for the terminal."""

from __future__ import annotations

from tabulate import tabulate

from benchmarks.reporting.cells import Table, heading


def render(table: Table) -> str:
    """The headline metrics of every method, mean and standard deviation."""
    shown = table.headline
    grid = tabulate(
        [[row.label, str(row.n), *(row.cells[name].text for name in shown)] for row in table.rows],
        ["strategy", "n", *(heading(metric) for metric in shown.values())],
        tablefmt="simple",
        colalign=["left", *("right" for _ in range(len(shown) + 1))],
        disable_numparse=True,
    )
    return f"{table.caption}\n\n{grid}"
