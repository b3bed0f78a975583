"""The paired tests of one stream, as Markdown, LaTeX and CSV."""

from __future__ import annotations

import pandas as pd

from benchmarks.reporting import latex, markdown
from benchmarks.reporting.cells import Cell
from benchmarks.reporting.numbers import NOTHING, difference, interval, probability
from benchmarks.reporting.registry import METRICS
from benchmarks.reporting.sign_flips import EXACT_UP_TO
from benchmarks.reporting.significance import Family, PairedTest, Significance

HEADINGS = ("Strategy", "Pairs", "Difference", "95 % interval", "p", "p (Holm)")

_NO_PAIR = "no pair"


def as_markdown(significance: Significance) -> str:
    """A grid a metric, the tests of all methods in table order, and what to know of them."""
    parts = [f"# {markdown.escape(significance.caption)}"]
    for family in significance.families:
        parts += [
            f"## {METRICS[family.metric].label}",
            markdown.rows_grid(HEADINGS, rows_of(family)),
            *([markdown.bullets(family.notes)] if family.notes else []),
        ]
    return "\n\n".join([*parts, markdown.bullets(significance.notes)]) + "\n"


def as_latex(significance: Significance, label: str) -> str:
    """The same, a `table` environment a metric, ``tab:<label>-<metric>``."""
    return "\n".join(
        latex.environment(
            f"{METRICS[family.metric].label}, {significance.caption}",
            f"{label}-{family.metric}",
            HEADINGS,
            rows_of(family),
            [*family.notes, *significance.notes],
        )
        for family in significance.families
    )


def frame(significance: Significance) -> pd.DataFrame:
    """The same unrounded, a row a test: points and probabilities, empty where there is no pair."""
    rows = [
        {
            "stream": significance.stream,
            "metric": family.metric,
            "reference": significance.reference,
            "label": test.label,
            "pairs": test.n,
            "difference": found.mean if found else None,
            "ci95_low": found.interval[0] if found and found.interval else None,
            "ci95_high": found.interval[1] if found and found.interval else None,
            "ci95_method": found.method if found else None,
            "p": test.p,
            "p_holm": test.p_holm,
            "flips": ("all" if test.n <= EXACT_UP_TO else "sampled") if found else None,
            "significant": test.is_significant if found else None,
            "can_be_significant": test.can_be_significant if found else None,
        }
        for family in significance.families
        for test in family.tests
        for found in [test.difference]
    ]
    return pd.DataFrame(rows, dtype=object)


def rows_of(family: Family) -> list[tuple[str, list[Cell]]]:
    """The label and the cells of every test, under `HEADINGS`."""
    return [(test.label, _cells(test)) for test in family.tests]


def _cells(test: PairedTest) -> list[Cell]:
    if test.difference is None or test.p is None or test.p_holm is None:
        pairs = f"{_NO_PAIR} ({test.apart})" if test.apart else _NO_PAIR
        return [Cell(pairs), *[Cell(NOTHING)] * 4]
    return [
        Cell(str(test.n)),
        Cell(difference(test.difference.mean)),
        Cell(interval(test.difference, "%")),
        Cell(probability(test.p)),
        Cell(probability(test.p_holm), footnote="*" if test.is_significant else ""),
    ]
