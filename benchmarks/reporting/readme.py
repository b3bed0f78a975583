"""The demo's result in README.md: the headline table and a figure of its stored runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from benchmarks.errors import BadInput
from benchmarks.records import write_atomically
from benchmarks.reporting import markdown
from benchmarks.reporting.collect import collect
from benchmarks.reporting.files import stems
from benchmarks.reporting.significance import significance_table
from benchmarks.reporting.summary import summary_table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "README.md"
STORED = "results/cpu/demo"
"""The demo's stored runs, from the root of the checkout. `make demo` has a folder of its own: what
has been run is not run again."""

BEGIN, END = "<!-- Written by `make readme`: -->", "<!-- until here. -->"


def block(root: Path = ROOT) -> str:
    """The headline table of the one stream of `STORED`, its notes, the figure and what there is
    beside them, as Markdown.

    Raises `BadInput` where no runs are stored.
    """
    collection = replace(collect(root / STORED), out=Path(STORED))
    (stream,) = collection.streams
    table = replace(summary_table(collection, stream), places=("headline",))
    title, grid, *_ = markdown.render(table).split("\n\n")
    files = f"{STORED}/{{}}/{stems([stream])[stream]}"
    tables, figures = files.format("tables"), files.format("figures")
    acc, *_ = significance_table(collection, stream).families
    unreachable = [f"Paired tests of NESS, {note}" for note in acc.notes]
    alt = "Average accuracy on the tasks seen so far, mean and standard deviation over seeds"
    beside = {
        "intervals and more metrics": f"{tables}.md",
        "paired tests": f"{tables}-tests.md",
        "costs": f"{tables}-cost.md",
        "the search that chose every method's settings": f"{STORED}/tuning/tuning.md",
        "figures": f"{STORED}/figures",
    }
    links = ", ".join(f"[{what}]({where})" for what, where in beside.items())
    return "\n\n".join(
        [
            f"**{title.removeprefix('# ')}**",
            grid,
            markdown.bullets([*table.notes[:-1], *unreachable, table.notes[-1]]),
            f"![{alt}]({figures}-accuracy.png)",
            f"Beside it: {links}.",
        ]
    )


def renewed(page: str, text: str) -> str:
    """The page with ``text`` between `BEGIN` and `END`; raises `BadInput` where these are not."""
    found = re.compile(rf"({re.escape(BEGIN)}\n).*?(^{re.escape(END)})", re.DOTALL | re.MULTILINE)
    if len(found.findall(page)) != 1:
        raise BadInput(f"{PAGE}: put {BEGIN} and {END} on lines of their own, once")
    return found.sub(lambda marks: f"{marks[1]}\n{text}\n\n{marks[2]}", page)


def write(path: Path = PAGE) -> Path:
    """Write the demo's result into the page."""
    write_atomically(path, renewed(path.read_text(encoding="utf-8"), block()).encode())
    return path
