"""docs/metrics.md: every metric of the tables, as the registry and the docstrings have it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.records import write_atomically
from benchmarks.reporting.markdown import bullets, escape, grid
from benchmarks.reporting.registry import METRICS, Metric

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

_HEAD = """# Metrics

What each number in the tables is. Records hold accuracies and costs as they were measured; metrics
are computed when records are read, so one that is added later has values for old runs too. A run
that has no such number gives the reason instead. `make metrics` writes this page from the
docstrings of the metrics: change them there.
"""

_ACCURACIES = """## Of accuracies

T tasks, counted from 1; R[i][j] is the accuracy on task j after training on task i, in percent, on
test images (on validation images where a spec says so). Tasks not seen yet enter FWT alone. All are
undefined for a run that failed before an accuracy they need.
"""

_COSTS = """## Of costs

As the harness measured them, see `TaskRecord` in `benchmarks/record_parts.py`. Undefined where no
task was completed and where a record is older than the measurement; per task also for joint, whose
one training is not a task's.
"""

_PAPERS = """## Papers

- Lopez-Paz and Ranzato 2017: Gradient episodic memory for continual learning. NeurIPS,
  [arXiv 1706.08840](https://arxiv.org/abs/1706.08840).
- Rebuffi, Kolesnikov, Sperl and Lampert 2017: iCaRL: incremental classifier and representation
  learning. CVPR, [arXiv 1611.07725](https://arxiv.org/abs/1611.07725).
- Chaudhry, Dokania, Ajanthan and Torr 2018: Riemannian walk for incremental learning: understanding
  forgetting and intransigence. ECCV, [arXiv 1801.10112](https://arxiv.org/abs/1801.10112).
- Riemer, Cases, Ajemian, Liu, Rish, Tu and Tesauro 2019: Learning to learn without forgetting by
  maximizing transfer and minimizing interference. ICLR,
  [arXiv 1810.11910](https://arxiv.org/abs/1810.11910).
- De Lange, van de Ven and Tuytelaars 2023: Continual evaluation for lifelong learning: identifying
  the stability gap. ICLR, [arXiv 2205.13452](https://arxiv.org/abs/2205.13452).
"""

_UNITS = {"%": "%", "s": "seconds", "B": "bytes", "count": "count"}


def page() -> str:
    """A table of the metrics of accuracies with what to know of each, and one of the costs."""
    accuracies = {name: metric for name, metric in METRICS.items() if metric.unit == "%"}
    others = {name: metric for name, metric in METRICS.items() if name not in accuracies}
    parts = [
        *(_HEAD, _ACCURACIES, _formulas(accuracies), bullets(_remarks(accuracies))),
        *(_COSTS, _measured(others), _PAPERS),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def write(path: Path = PAGE) -> Path:
    """Write `page` to a file."""
    write_atomically(path, page().encode())
    return path


def _formulas(metrics: Mapping[str, Metric]) -> str:
    rows = [
        [
            escape(metric.label),
            f"`{name}`",
            "higher" if metric.higher_is_better else "lower",
            f"`{metric.definition.formula.rstrip('.')}`",
            escape(metric.definition.source),
        ]
        for name, metric in metrics.items()
    ]
    return grid(["Metric", "CSV column", "Better", "Formula, %", "Source"], rows, names=5)


def _remarks(metrics: Mapping[str, Metric]) -> list[str]:
    lines = []
    for metric in metrics.values():
        undefined = metric.definition.undefined
        never = f"Undefined {undefined[0].lower()}{undefined[1:]}" if undefined else ""
        said = [metric.definition.remarks, never]
        if any(said):
            lines.append(f"{metric.label}: {' '.join(part for part in said if part)}")
    return lines


def _measured(metrics: Mapping[str, Metric]) -> str:
    rows = [
        [
            escape(metric.label),
            f"`{name}`",
            _UNITS[metric.unit],
            escape(metric.definition.formula),
        ]
        for name, metric in metrics.items()
    ]
    return grid(["Cost", "CSV column", "Unit", "What it is"], rows, names=4)
