"""What a results folder holds, also while a sweep is filling it; no torch."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks.claims import is_held
from benchmarks.errors import BadInput, last_line, one_line
from benchmarks.eta import Experience, most_at_once, seconds
from benchmarks.expected import expected
from benchmarks.in_flight import InFlight, look
from benchmarks.position import Position
from benchmarks.progress_text import SweepState, duration, plain
from benchmarks.records import DamagedRecord, read_all
from benchmarks.workdir import WorkDir

PARTS = ("runs", "work")
"""Folders that a results folder has."""
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

    @property
    def total(self) -> Counter[str]:
        """Runs by status."""
        return sum(self.counts.values(), Counter[str]())

    @property
    def done(self) -> int:
        """Runs that have a record."""
        return sum(self.total[status] for status in ENDED)

    def text(self) -> str:
        """The table and the lists, as printed."""
        if not self.counts:
            return "no records yet"
        total = self.total
        shown = [status for status in STATUSES if total[status] or status == "finished"]
        rows = [
            [*key, *(counts[status] for status in shown)]
            for key, counts in sorted(self.counts.items())
        ]
        parts = [tabulate(rows, ["stream", "strategy", *shown]), *self.errors]
        for run in self.runs:
            if run.held:
                sign = f"last sign of life {duration(run.sign_s)} ago"
                left = f"{duration(self.left[run.id])} left"
                parts.append(f"running: {run.name}: {run.where}; {left}")
                parts.append(f"  {run.host}, pid {run.pid}, {sign}")
            else:
                parts.append(f"interrupted: {run.name}: {run.where}; {run.host}")
        bad = Counter({status: total[status] for status in ENDED[1:]})
        state = SweepState(self.done, total.total(), 0.0, self.all_left, bad)
        return "\n".join([*parts, plain(state)])

    def data(self) -> dict[str, Any]:
        """The same for programs: seconds, null where unknown; tasks and epochs from 1."""
        return {
            "done": self.done,
            "expected": self.total.total(),
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
                    "position": _from_1(run.pace.position),
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


def _from_1(at: Position | None) -> dict[str, int] | None:
    if at is None:
        return None
    return {"task": at.task + 1, "epoch": at.epoch + 1, "tasks": at.tasks}


def _require_results(out: Path) -> None:
    if not out.is_dir():
        raise BadInput(f"{out}: no such folder; fill one with `python -m benchmarks sweep`")
    if any((out / part).is_dir() for part in PARTS):
        return
    inside = out.absolute()
    for folder in inside.parents:
        if inside.relative_to(folder).parts[0] in PARTS and (folder / "runs").is_dir():
            raise BadInput(f"{out}: a part of a results folder; give {folder}")
    # Only here, as it takes longer than to look at a folder.
    from benchmarks.reporting.search import FOLDER, search_path

    if search_path(out).is_file():
        raise BadInput(
            f"{out}: no runs beside a search; give {out / FOLDER} for those of the search"
        )
    raise BadInput(
        f"{out}: no results folder (it has neither runs/ nor work/); give one that a sweep had as "
        f"--out"
    )


def status(out: Path) -> Status:
    """Look at a results folder; raises `BadInput` for one that is none."""
    _require_results(out)
    result, ended, past = Status(), set[str](), Experience()
    spans = []
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
        with suppress(TypeError, ValueError):
            end = datetime.fromisoformat(record.ended or "").timestamp()
            spans.append((end - seconds(record), end))
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
    _estimate(result, past, spans)
    return result


def _estimate(found: Status, past: Experience, spans: list[tuple[float, float]]) -> None:
    """``spans``: begin and end of the runs that have ended, in seconds since 1970."""
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
        # Workers may be between two runs: those count that were at work since the oldest run in
        # flight began.
        begins = [pace.since if pace.position else now for _, pace in running.values()]
        spans = [(begin, end) for begin, end in spans if end > min(begins)]
        workers = most_at_once([*spans, *((begin, now + 1) for begin in begins)])
        found.all_left = past.sweep_left(running, waiting, workers, now)
