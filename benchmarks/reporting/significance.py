"""Paired tests of one method against each other, in each headline metric of a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.reporting import notes
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.holm import holm
from benchmarks.reporting.numbers import counted, interval_methods, probability
from benchmarks.reporting.pairs import Values, by_seeds, differences, keeps_apart
from benchmarks.reporting.reference import reference_of
from benchmarks.reporting.registry import METRICS, metrics_of
from benchmarks.reporting.sign_flips import (
    EXACT_UP_TO,
    SAMPLED,
    pairs_needed,
    sign_flip_p,
    smallest_p,
)
from benchmarks.reporting.stats import Summary, summarise
from benchmarks.reporting.summary import caption, groups

ALPHA = 0.05


@dataclass(frozen=True)
class PairedTest:
    """The reference against one other row of the table, in one metric."""

    label: str
    difference: Summary | None = None
    """Of reference - other over the pairs, points; None where there is no pair."""
    p: float | None = None
    p_holm: float | None = None
    """Corrected for all tests of the metric."""
    smallest_p_holm: float | None = None
    """What `p_holm` would be if each test of the metric had the smallest p its pairs can give."""
    apart: str = ""
    """Why runs with the same seeds are no pairs, see `keeps_apart`."""

    @property
    def n(self) -> int:
        """Pairs: runs of both with the same seeds, on the same images and tasks."""
        return self.difference.n if self.difference else 0

    @property
    def is_significant(self) -> bool:
        """At `ALPHA`, corrected."""
        return self.p_holm is not None and self.p_holm <= ALPHA

    @property
    def can_be_significant(self) -> bool:
        """Whether there are pairs enough for any data to be."""
        return self.smallest_p_holm is not None and self.smallest_p_holm <= ALPHA


@dataclass(frozen=True)
class Family:
    """The tests of one metric: corrected together, and apart from those of other metrics."""

    metric: str
    tests: list[PairedTest]
    """The other rows of the table in its order, failed ones as well."""
    notes: list[str]


@dataclass(frozen=True)
class Significance:
    """All tests of one stream."""

    stream: str
    caption: str
    reference: str | None
    """The label that is tested; None where no row can be."""
    families: list[Family]
    """One for each headline metric in percent; empty where there is nothing to test."""
    notes: list[str]


def significance_table(
    collection: Collection, stream: str, reference: str | None = None
) -> Significance:
    """Two-sided paired permutation tests of a reference, see `reference_of`, against each row.

    Runs on the same images and tasks are paired by all their seeds, p is that of `sign_flip_p`, and
    the tests of one metric are corrected together by `holm`. Upper bounds and controls are tested
    as any method is.
    """
    label, lines = reference_of(collection, stream, reference)
    rows = [group.shown for group in groups(collection, stream) if group.shown != label]
    title = f"Paired tests of {label}: {caption(collection, stream)}"
    if label is None or not rows:
        return Significance(stream, title, label, [], lines if len(rows) > 1 else [])
    metrics = [name for name, m in metrics_of(stream, "headline").items() if m.unit == "%"]
    values = by_seeds(collection, stream, metrics)
    families = [_family(name, values[name], label, rows) for name in metrics]
    lines = [
        *_meaning(families, label),
        *lines,
        *notes.errors(collection.of_stream(stream)),
        *notes.images(collection.of_stream(stream)),
        *notes.provenance(collection, stream, reference),
    ]
    return Significance(stream, title, label, families, lines)


def _family(
    metric: str, values: Mapping[str, Values], reference: str, rows: Sequence[str]
) -> Family:
    own = values.get(reference, {})
    pairs = {row: differences(own, values.get(row, {})) for row in rows}
    tested = {row: found for row, found in pairs.items() if found}
    p = [sign_flip_p(found) for found in tested.values()]
    smallest = holm([smallest_p(len(found)) for found in tested.values()])
    results = dict(zip(tested, zip(p, holm(p), smallest, strict=True), strict=True))
    tests = [
        PairedTest(row, summarise(pairs[row]), *results[row])
        if row in results
        else PairedTest(row, apart=keeps_apart(own, values.get(row, {})))
        for row in rows
    ]
    return Family(metric, tests, _out_of_reach(METRICS[metric].label, tests))


def _out_of_reach(metric: str, tests: Sequence[PairedTest]) -> list[str]:
    """By number, which tests have too few pairs for any data to be significant."""
    made = sum(test.n > 0 for test in tests)
    short = Counter(test.n for test in tests if test.n and not test.can_be_significant)
    lines = []
    for n, count in sorted(short.items()):
        so = (
            "no difference can be significant"
            if count == made
            else f"the {counted(count, 'difference')} of so few pairs cannot be significant"
        )
        lines.append(
            f"{metric}, {counted(n, 'pair')}: the smallest p an exact test can give is "
            f"{probability(smallest_p(n))}; Holm's correction over {counted(made, 'comparison')} "
            f"asks for at least {pairs_needed(made, ALPHA)} pairs, so {so} at {ALPHA}."
        )
    return lines


def _meaning(families: Sequence[Family], reference: str) -> list[str]:
    found = [test.difference for family in families for test in family.tests if test.difference]
    lower = [METRICS[f.metric].label for f in families if not METRICS[f.metric].higher_is_better]
    flips = "over all sign flips (Fisher 1935)"
    if any(summary.n > EXACT_UP_TO for summary in found):
        flips += (
            f", above {EXACT_UP_TO} pairs over {SAMPLED:,} random ones (Phipson and Smyth 2010)"
        )
    lines = [
        (
            f"Pairs: runs of {reference} and of the method with the same seeds. Difference: "
            f"{reference} - method, percentage points, mean over the pairs."
        ),
        (
            f"p: two-sided permutation test of the mean difference, {flips}. p (Holm): corrected "
            f"for all comparisons of the metric (Holm 1979). *: significant at {ALPHA}."
        ),
    ]
    if methods := interval_methods(found):
        lines.insert(1, f"95 % interval of the mean difference: {methods}.")
    lines += notes.nominal(found)
    if "Student" in methods:
        lines.append(
            "With few pairs the interval can exclude 0 where p is large: Student's t takes the "
            "differences to be normal, the permutation test does not."
        )
    elif methods:
        lines.append(
            "The interval can exclude 0 where p is large: it is not the test's own, and BCa's is "
            "too short in small samples."
        )
    if lower:
        lines.append(f"{', '.join(lower)}: lower is better, so below 0 favours {reference}.")
    return lines
