"""What each metric is, in one text for docs/metrics.md and the report: its docstring.

The first paragraph of a metric's docstring is its formula; those that begin with ``Source.`` and
``Undefined.`` say where it is from and when a run has none. Paragraphs between are for those who
compare methods by it.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """The parts of a metric's docstring, each on one line."""

    formula: str
    remarks: str
    source: str
    undefined: str


def parse(doc: str) -> Definition:
    """The parts of a docstring; an absent one is empty."""
    first, *others = [
        " ".join(paragraph.split()) for paragraph in inspect.cleandoc(doc).split("\n\n")
    ]
    found = {"Source. ": "", "Undefined. ": ""}
    remarks = []
    for paragraph in others:
        prefix = next((p for p in found if paragraph.startswith(p)), None)
        if prefix is None:
            remarks.append(paragraph)
        else:
            found[prefix] = paragraph.removeprefix(prefix)
    return Definition(first, " ".join(remarks), *found.values())
