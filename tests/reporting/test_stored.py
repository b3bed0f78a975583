"""Metrics of the runs in results/: every one has a number or a reason, whatever its age."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import pytest

from benchmarks.records import RunRecord, read_all
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.references import References
from benchmarks.reporting.registry import METRICS

RESULTS = Path(__file__).parents[2] / "results"
FOLDERS = sorted(path.parent for path in RESULTS.rglob("runs") if path.is_dir())


def test_there_are_results() -> None:
    assert len(FOLDERS) > 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(RESULTS)))
def test_every_metric_of_every_run_is_a_number_or_a_reason(folder: Path) -> None:
    records = [record for record in read_all(folder) if isinstance(record, RunRecord)]
    references = References(records)
    assert records
    for record in records:
        for name, metric in METRICS.items():
            value = metric.of(record, references)
            if isinstance(value, Undefined):
                assert value.reason, (record.id, name)
            elif metric.unit == "%":
                assert isfinite(value), (record.id, name)
                assert value <= 100, (record.id, name)
            else:
                assert value >= 0, (record.id, name)
