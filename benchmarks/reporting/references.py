"""The runs that another run is measured against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.record_parts import Matrix
from benchmarks.records import RunRecord
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.setting import optimizer, schedule, seeds, setting
from benchmarks.reporting.specs import Flat

REFERENCE = "cumulative"


class References:
    """The finished runs of `cumulative` among ``records``: built once for all runs of a folder."""

    def __init__(self, records: Iterable[RunRecord] = ()) -> None:
        self._of_seeds: dict[tuple[object, ...], list[_Reference]] = {}
        for record in records:
            if record.spec["strategy"] == REFERENCE and record.status == "finished":
                found = _Reference(setting(record), _recipe(record), record.accuracy_matrix)
                self._of_seeds.setdefault(seeds(record), []).append(found)

    def cumulative(self, record: RunRecord) -> Matrix | Undefined:
        """The accuracies of cumulative in a run's setting, with its seeds.

        Where there are several, those with the run's optimiser and schedule; methods choose both,
        so with a single one they may differ.
        """
        named = f"run of {REFERENCE} with seed {record.spec.get('seed')} in the same setting"
        same_seeds = self._of_seeds.get(seeds(record), [])
        here = setting(record) if same_seeds else {}
        alike = [found for found in same_seeds if found.setting == here]
        if not alike:
            return Undefined(f"no finished {named}")
        if len(alike) > 1:
            recipe = _recipe(record)
            alike = [found for found in alike if found.recipe == recipe] or alike
        if any(found.matrix != alike[0].matrix for found in alike):
            return Undefined(f"more than one finished {named}, and none is the obvious reference")
        return alike[0].matrix


class _Reference(NamedTuple):
    setting: Flat
    recipe: Flat
    matrix: Matrix


def _recipe(record: RunRecord) -> Flat:
    return optimizer(record) | schedule(record)
