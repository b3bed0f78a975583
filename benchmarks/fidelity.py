"""What every strategy promises and where it departs from its paper, gathered from docstrings.

A method's class docstring has paragraphs: the first says what it does; one that begins with
``Departures.`` how it differs from the paper or the authors' code, ``As released.`` which faults
of that code it can bring back, and ``Keeps `` what it stores between tasks. A list after such a
paragraph belongs to it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import baselines
from benchmarks.errors import BadInput
from benchmarks.records import write_atomically
from benchmarks.reporting.markdown import escape
from benchmarks.reporting.order import CONTROLS, UPPER_BOUNDS, canonical
from benchmarks.reporting.summary import SCENARIOS
from ness.task_plugin import TaskPlugin

PAGE = Path(__file__).parents[1] / "docs" / "fidelity.md"

PREFIXES = ("Departures.", "As released.", "Keeps ")

NO_PAPER = frozenset({*UPPER_BOUNDS, *CONTROLS})
"""Bounds and controls: there is nothing that they could depart from."""

_HEAD = """# Fidelity

What each method does, where it departs from its paper or from the authors' code, which faults
of that code can be brought back, and what it keeps between tasks. Written by `make fidelity`
from the docstrings of the methods: change them there.
"""


@dataclass(frozen=True)
class Fidelity:
    """What the docstring of a strategy says, paragraphs as they stand there."""

    summary: str
    sections: dict[str, str]
    """By prefix of `PREFIXES`, without those that are absent."""


def parse(doc: str) -> Fidelity:
    """The paragraphs of a class docstring."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(doc).strip())
    sections: dict[str, str] = {}
    current = None
    for paragraph in paragraphs[1:]:
        prefix = next((p for p in PREFIXES if paragraph.startswith(p)), None)
        if prefix is not None:
            current = prefix
            sections[prefix] = paragraph
        elif current is not None and paragraph.startswith("- "):
            sections[current] += f"\n{paragraph}"
        else:
            current = None
    return Fidelity(paragraphs[0], sections)


def missing(name: str, found: Fidelity) -> list[str]:
    """The paragraphs that a strategy has to have and has not, as complaints."""
    needed = ["Keeps "] if name in NO_PAPER else ["Departures.", "Keeps "]
    return [
        f"{name}: its docstring has no paragraph that begins with {prefix!r}"
        for prefix in needed
        if prefix not in found.sections
    ]


def page() -> str:
    """docs/fidelity.md: a section a registered strategy, in the order of the tables.

    Raises `BadInput` naming every paragraph that is missing.
    """
    plugins = {name: baselines.load(name) for name in sorted(baselines.STRATEGIES, key=canonical)}
    found = {name: parse(plugin.__doc__ or "") for name, plugin in plugins.items()}
    complaints = [line for name, one in found.items() for line in missing(name, one)]
    if complaints:
        raise BadInput(f"{'; '.join(complaints)}: write it, see benchmarks/fidelity.py")
    homes = Counter(plugin.__module__ for plugin in plugins.values())
    sections = [
        _section(name, plugin, found[name], alone=homes[plugin.__module__] == 1)
        for name, plugin in plugins.items()
    ]
    refused = [f"- `{name}`: {_prose(why)}" for name, why in sorted(baselines.REFUSED.items())]
    if refused:
        sections.append("\n".join(["## Refused by name", "", *refused]))
    return "\n".join([_HEAD, "\n\n".join(sections), ""])


def write(path: Path = PAGE) -> Path:
    """Write `page` to a file."""
    write_atomically(path, page().encode())
    return path


def _section(name: str, plugin: type[TaskPlugin], found: Fidelity, *, alone: bool) -> str:
    parts = [f"## {name}"]
    if alone:  # then the module's first paragraph is about this method: its paper
        module = inspect.cleandoc(sys.modules[plugin.__module__].__doc__ or "")
        parts.append(_prose(module.split("\n\n")[0]))
    facts = {
        "class": f"`{plugin.__module__}.{plugin.__qualname__}`",
        "scenarios": ", ".join(name for name in SCENARIOS if name in plugin.scenarios),
        "keeps old data": _yes(plugin.keeps_data),
        "resumes after any task": _yes(plugin.resumable),
    }
    parts += ["; ".join(f"{what}: {value}" for what, value in facts.items())]
    parts += [_prose(found.summary)]
    for prefix in PREFIXES:
        if prefix in found.sections:
            text = found.sections[prefix].removeprefix(prefix)
            parts.append(f"**{prefix.strip()}** {_prose(text)}")
    return "\n\n".join(parts)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _prose(text: str) -> str:
    """A paragraph on one line, each item of a list on its own, as Markdown."""
    first, *items = re.split(r"(?m)^\s*- ", text.replace("``", "`"))
    return "\n".join([escape(first), *([""] if items else []), *(f"- {escape(i)}" for i in items)])
