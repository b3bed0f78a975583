"""What a results folder holds, also while a sweep is filling it; no torch."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from benchmarks.claims import is_held
from benchmarks.errors import BadInput
from benchmarks.records import DamagedRecord, read_all
from benchmarks.workdir import WorkDir

STATUSES = ("finished", "failed", "diverged")


@dataclass
class Status:
    """Counts of records by (stream, strategy), runs in flight, and damaged records."""

    counts: dict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    errors: list[str] = field(default_factory=list)
    """A line for each failed or diverged run."""
    running: list[str] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    """Runs that have begun to train, have not ended, and nobody works on."""
    damaged: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The table and the lists, as printed."""
        rows = [
            [stream, strategy, *(counts[status] for status in STATUSES)]
            for (stream, strategy), counts in sorted(self.counts.items())
        ]
        parts = [tabulate(rows, ["stream", "strategy", *STATUSES])] if rows else ["no records yet"]
        parts += self.errors
        for title, runs in (("running", self.running), ("interrupted", self.interrupted)):
            if runs:
                parts.append(f"{title}: {', '.join(sorted(runs))}")
        return "\n".join(parts)


def status(out: Path) -> Status:
    """Look at a results folder; raises `BadInput` if there is none."""
    if not out.is_dir():
        raise BadInput(f"{out}: no such folder; fill one with `python -m benchmarks sweep`")
    result, ended = Status(), set[str]()
    for record in read_all(out):
        if isinstance(record, DamagedRecord):
            result.damaged.append(f"{record}; the next sweep repeats the run")
            continue
        ended.add(record.id)
        stream, strategy = record.spec["stream"], record.spec["strategy"]
        result.counts[stream, strategy][record.status] += 1
        if record.status != "finished":
            reason = (record.error or "").strip().splitlines()[-1:] or ["no reason recorded"]
            where = f"{strategy} seed {record.spec.get('seed')} ({record.id})"
            result.errors.append(f"{record.status}: {where}: {reason[0]}")
    for folder in sorted((out / "work").glob("*")):
        work = WorkDir(out, folder.name)
        if is_held(work.claim):
            result.running.append(folder.name)
        elif (work.checkpoint.exists() or work.trace.exists()) and folder.name not in ended:
            result.interrupted.append(folder.name)
    return result
