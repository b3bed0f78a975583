"""What a results folder holds, also while a sweep is filling it; no torch."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.claims import is_held
from benchmarks.errors import BadInput, last_line, one_line
from benchmarks.eta import Experience
from benchmarks.expected import expected
from benchmarks.in_flight import InFlight, look
from benchmarks.progress_text import SweepState, duration, plain
from benchmarks.records import DamagedRecord, read_all
from benchmarks.workdir import WorkDir

ENDED = ("finished", "failed", "diverged")
STATUSES = (*ENDED, "running", "interrupted", "missing")
"""Interrupted: begun, not ended, and nobody works on it. Missing: a sweep was to make it."""


@dataclass
class Status:
    """Counts of runs by (stream, strategy), runs in flight, and damaged records."""

    counts: dict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    errors: list[str] = field(default_factory=list)
    """A line for each failed or diverged run."""
    runs: list[InFlight] = field(default_factory=list)
    """Those that are running or interrupted."""
    left: dict[str, float | None] = field(default_factory=dict)
    """Seconds that each running one still takes, by id; None where that is unknown."""
    all_left: float | None = None
    """Seconds until nothing is running, interrupted or missing, by as many as run now."""
    damaged: list[str] = field(default_factory=list)

    @property
    def running(self) -> list[str]:
        """Ids of runs that somebody works on."""
        return [run.id for run in self.runs if run.held]

    @property
    def interrupted(self) -> list[str]:
        """Ids of runs that have begun to train, have not ended, and nobody works on."""
        return [run.id for run in self.runs if not run.held]

    def text(self) -> str:
        """The table and the lists, as printed."""
        if not self.counts:
            return "no records yet"
        rows = [
            [*key, *(counts[status] for status in STATUSES)]
            for key, counts in sorted(self.counts.items())
        ]
        parts = [tabulate(rows, ["stream", "strategy", *STATUSES]), *self.errors]
        for run in self.runs:
            if run.held:
                sign = f"last sign of life {duration(run.sign_s)} ago"
                left = f"{duration(self.left[run.id])} left"
                parts.append(
                    f"running: {run.name}: {run.where}; {left}; {run.host}, pid {run.pid}, {sign}"
                )
            else:
                parts.append(f"interrupted: {run.name}: {run.where}; {run.host}")
        total = sum(self.counts.values(), Counter[str]())
        bad = Counter({status: total[status] for status in ENDED[1:]})
        done = sum(total[status] for status in ENDED)
        return "\n".join([*parts, plain(SweepState(done, total.total(), 0.0, self.all_left, bad))])

    def data(self) -> dict[str, Any]:
        """The same for programs; seconds, null where unknown."""
        return {
            "counts": [
                {"stream": stream, "strategy": strategy, **{s: counts[s] for s in STATUSES}}
                for (stream, strategy), counts in sorted(self.counts.items())
            ],
            "errors": self.errors,
            "runs": [
                {
                    "id": run.id,
                    "status": "running" if run.held else "interrupted",
                    "strategy": run.known and run.known.strategy,
                    "seed": run.known and run.known.seed,
                    "position": run.pace.position and vars(run.pace.position),
                    "host": run.host,
                    "pid": run.pid,
                    "last_sign_of_life_s": round(run.sign_s, 1),
                    "left_s": self.left.get(run.id),
                }
                for run in self.runs
            ],
            "left_s": self.all_left,
            "damaged": self.damaged,
        }


def status(out: Path) -> Status:
    """Look at a results folder; raises `BadInput` if there is none."""
    if not out.is_dir():
        raise BadInput(f"{out}: no such folder; fill one with `python -m benchmarks sweep`")
    result, ended, past = Status(), set[str](), Experience()
    folders = [folder for folder in sorted((out / "work").glob("*")) if folder.is_dir()]
    held = {folder.name for folder in folders if is_held(WorkDir(out, folder.name).claim)}
    for record in read_all(out):
        if isinstance(record, DamagedRecord):
            result.damaged.append(f"{record}; the next sweep repeats the run")
            continue
        if record.id in held and record.status != "finished":
            continue  # it is being retried
        ended.add(record.id)
        stream, strategy = record.spec["stream"], record.spec["strategy"]
        result.counts[stream, strategy][record.status] += 1
        past.add(f"{stream} {strategy}", record)
        if record.status != "finished":
            reason = last_line(record.error) or "no reason recorded"
            where = f"{one_line(strategy)} seed {record.spec.get('seed')} ({record.id})"
            result.errors.append(f"{record.status}: {where}: {reason}")
    wanted = {run: what for run, what in expected(out).items() if run not in ended}
    for folder in folders:
        work = WorkDir(out, folder.name)
        if folder.name in ended:
            continue
        run = look(folder)
        if run.held or work.checkpoint.exists() or work.trace.exists():
            what = run.known or wanted.get(run.id)
            key = (what.stream, what.strategy) if what else ("?", "?")
            result.counts[key]["running" if run.held else "interrupted"] += 1
            result.runs.append(run)
            wanted.pop(run.id, None)
    for what in wanted.values():
        result.counts[what.stream, what.strategy]["missing"] += 1
    _estimate(result, past)
    return result


def _estimate(found: Status, past: Experience) -> None:
    now = time.time()
    running = {
        run.id: (f"{run.known.stream} {run.known.strategy}" if run.known else "?", run.pace)
        for run in found.runs
        if run.held
    }
    found.left = {run: past.run_left(kind, pace, now) for run, (kind, pace) in running.items()}
    waiting = [
        " ".join(key)
        for key, counts in found.counts.items()
        for _ in range(counts["interrupted"] + counts["missing"])
    ]
    if running:
        found.all_left = past.sweep_left(running, waiting, len(running), now)
