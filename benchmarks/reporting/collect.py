"""Stored runs as one frame, a row a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.errors import BadInput, last_line
from benchmarks.records import DamagedRecord, RunRecord, read_all
from benchmarks.reporting.as_run import as_run
from benchmarks.reporting.garbage import uncollected
from benchmarks.reporting.metrics import Undefined
from benchmarks.reporting.references import References
from benchmarks.reporting.registry import METRICS, metrics_of
from benchmarks.reporting.search import FOLDER, search_path
from benchmarks.reporting.specs import IMAGES, Flat, flatten, labels, show
from benchmarks.reporting.splits import unlike_splits


@dataclass(frozen=True)
class Collection:
    """The runs of a results folder that have ended, and what is known of the others."""

    out: Path
    runs: pd.DataFrame
    """Indexed by id, in table order. Columns: stream, label, strategy, seed, status, error,
    tasks, every metric of `METRICS` (NaN where undefined), `undefined` (the reasons), then the
    spec as `spec.*`."""
    records: dict[str, RunRecord]
    reasons: dict[tuple[str, str], str]
    """(id, metric) -> why that run has no such metric."""
    running: Counter[str]
    """Runs in progress in each stream: counted, never tabled."""
    messages: list[str]
    """A line for each record that was skipped."""

    @property
    def streams(self) -> list[str]:
        """Streams with at least one run that has ended, by name."""
        return sorted({record.spec["stream"] for record in self.records.values()})

    def of_stream(self, stream: str) -> pd.DataFrame:
        """The rows of one stream, in table order."""
        return self.runs[self.runs["stream"] == stream]

    def finished(self, stream: str) -> dict[str, list[RunRecord]]:
        """The finished runs of a stream under their labels, in table order."""
        rows = self.of_stream(stream)
        done: dict[str, list[RunRecord]] = {}
        for run, label in rows.loc[rows["status"] == "finished", "label"].items():
            done.setdefault(str(label), []).append(self.records[str(run)])
        return done


@uncollected()
def collect(out: Path) -> Collection:
    """Read every record below ``out/runs``; raises `BadInput` where there is none to read."""
    ended: dict[str, RunRecord] = {}
    running: Counter[str] = Counter()
    messages: list[str] = []
    for record in read_all(out):
        if isinstance(record, DamagedRecord):
            messages.append(f"skipped: {record}; the next sweep repeats the run")
        elif record.id in ended:
            # Counting a copied file twice would feign a smaller uncertainty.
            messages.append(f"skipped: {out}: a second record of run {record.id}; remove one")
        elif record.status == "running":
            running[record.spec["stream"]] += 1
        else:
            ended[record.id] = record
    if not ended and not running:
        damaged = f" but {len(messages)} damaged ({messages[0]})" if messages else ""
        if search_path(out).is_file():
            raise BadInput(
                f"{out}: no run records{damaged} beside a search; give {out / FOLDER} for the runs "
                f"of the search, or fill it with `python -m benchmarks sweep SPEC.toml --out {out}`"
            )
        raise BadInput(
            f"{out}: no run records{damaged}; fill it with "
            f"`python -m benchmarks sweep SPEC.toml --out {out}`"
        )
    runs, reasons = _frame(ended)
    return Collection(out, runs, ended, reasons, running, messages)


def flat_spec(record: RunRecord) -> Flat:
    """All that tells a run from others, as dotted keys: its spec, how it was computed, on what."""
    # The same spec on other images (two releases of a data set) is another experiment.
    images = {IMAGES: str(record.stream.get("data_hash"))[:12]}
    return flatten(record.spec) | as_run(record) | images


def _frame(
    records: dict[str, RunRecord],
) -> tuple[pd.DataFrame, dict[tuple[str, str], str]]:
    splits = unlike_splits(records)
    specs = {run: flat_spec(record) | splits.get(run, {}) for run, record in records.items()}
    references = References(records.values())
    rows: dict[str, dict[str, object]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for run, label in _table_order(records, specs):
        record = records[run]
        row: dict[str, object] = {
            "stream": record.spec["stream"],
            "label": label,
            "strategy": record.spec["strategy"],
            "seed": record.spec.get("seed"),
            "status": record.status,
            "error": last_line(record.error),
            "tasks": len(record.accuracy_matrix),
        }
        row |= dict.fromkeys(METRICS, float("nan"))
        for name, metric in metrics_of(record.spec["stream"]).items():
            value = metric.of(record, references)
            if isinstance(value, Undefined):
                reasons[run, name] = value.reason
            row[name] = float("nan") if isinstance(value, Undefined) else value
        row["undefined"] = "; ".join(
            f"{name}: {reasons[run, name]}" for name in METRICS if (run, name) in reasons
        )
        rows[run] = row | {f"spec.{key}": _scalar(value) for key, value in specs[run].items()}
    # As objects, or pandas would turn whole numbers into floats where a run lacks the key.
    frame = pd.DataFrame(list(rows.values()), index=list(rows), dtype=object)
    frame = frame.astype(dict.fromkeys(METRICS, float) if rows else {})
    frame.index.name = "id"
    own = [column for column in frame.columns if not column.startswith("spec.")]
    # Copied into a block a type: pandas warns of a frame that is a block a metric.
    return frame[own + sorted(set(frame.columns) - set(own))].copy(), reasons


def _table_order(records: dict[str, RunRecord], specs: dict[str, Flat]) -> list[tuple[str, str]]:
    """(id, label) of every run: by stream, then strategy and spec, then seed."""
    ordered: list[tuple[str, str]] = []
    for stream in sorted({record.spec["stream"] for record in records.values()}):
        runs = {
            # Runs over different numbers of tasks are no repetitions, whatever their specs say.
            run: (record.spec["strategy"], specs[run] | {"tasks": len(record.accuracy_matrix)})
            for run, record in records.items()
            if record.spec["stream"] == stream
        }
        named = labels(runs)
        place = {label: number for number, label in enumerate(dict.fromkeys(named.values()))}
        ordered += sorted(
            named.items(), key=lambda item: (place[item[1]], *_seed_key(records[item[0]]))
        )
    return ordered


def _seed_key(record: RunRecord) -> tuple[float, str]:
    seed = record.spec.get("seed")
    return (float(seed) if isinstance(seed, int) else float("inf")), record.id


def _scalar(value: object) -> object:
    return show(value) if isinstance(value, list) else value
