"""Labels of a length that a table can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from benchmarks.reporting.collect import Collection

LONGEST = 240
"""Signs of a label as a page shows it."""

_END = 40


def with_short_labels(collection: Collection) -> tuple[Collection, dict[str, str]]:
    """The same runs under labels of at most `LONGEST` signs, and {label: as it is shown}.

    A spec may hold a text of any length, and a label the text. Beginning and end stay; labels that
    would become the same are numbered.
    """
    labels = collection.runs["label"]
    short = short_labels(labels)
    return replace(collection, runs=collection.runs.assign(label=labels.map(short))), short


def short_labels(labels: Iterable[str]) -> dict[str, str]:
    """{label: as it is shown}: those that are short enough are their own."""
    distinct = list(dict.fromkeys(labels))
    shown = {label: label for label in distinct if len(label) <= LONGEST}
    taken = set(shown)
    for label in distinct:
        if label in shown:
            continue
        number, made = 1, shortened(label)
        while made in taken:
            number += 1
            made = shortened(label, f" ({number})")
        taken.add(made)
        shown[label] = made
    return shown


def shortened(text: str, after: str = "") -> str:
    """A text and what stands after it in at most `LONGEST` signs: its beginning and its end."""
    if len(text) + len(after) <= LONGEST:
        return text + after
    end = text[-_END:] + after
    return f"{text[: LONGEST - len(end) - 3]} \N{HORIZONTAL ELLIPSIS} {end}"
