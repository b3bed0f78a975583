"""What `docs/fidelity.md` says of the methods in a report: departures, and what they keep."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from benchmarks.reporting.html.text import markdown

PAGE = Path(__file__).parents[3] / "docs" / "fidelity.md"


@dataclass(frozen=True)
class Method:
    """A section of the page: paragraphs, each with the items of the list that follows it."""

    name: str
    paragraphs: list[tuple[Markup, list[Markup]]]


def methods(strategies: Iterable[str], page: Path = PAGE) -> list[Method]:
    """The sections of these strategies in the order given, without those that it lacks.

    The page is written from the docstrings of the methods, which only whoever has torch can read.
    Empty where there is no page.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    parts = re.split(r"(?m)^## (.+)$", text)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    return [Method(name, _paragraphs(sections[name])) for name in strategies if name in sections]


def _paragraphs(text: str) -> list[tuple[Markup, list[Markup]]]:
    found: list[tuple[Markup, list[Markup]]] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        first, *items = re.split(r"(?m)^- ", block)
        if first.strip():
            found.append((markdown(first.strip()), []))
        if items and found:
            found[-1][1].extend(markdown(item.strip()) for item in items)
    return found
