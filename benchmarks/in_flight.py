"""A run that has begun and has no record yet, from what lies in its work folder."""

from __future__ import annotations

import csv
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.claims import is_held
from benchmarks.errors import one_line
from benchmarks.eta import Pace
from benchmarks.expected import Expected
from benchmarks.position import Position, events
from benchmarks.workdir import WorkDir


@dataclass(frozen=True)
class InFlight:
    """A run that somebody works on, or that waits to be gone on with."""

    id: str
    held: bool
    """Whether somebody works on it."""
    host: str
    pid: int | None
    sign_s: float
    """Seconds since its last sign of life: an epoch, or a heartbeat of its claim."""
    known: Expected | None
    """What it is; None where its folder does not tell."""
    pace: Pace
    """Its epochs since it was started last, in seconds since 1970."""

    @property
    def name(self) -> str:
        """By strategy and seed where they are known, and always by id."""
        if self.known is None:
            return self.id
        return f"{one_line(self.known.strategy)} seed {self.known.seed} ({self.id})"

    @property
    def where(self) -> str:
        """The task and the epoch it is in, of all its tasks and of the most epochs one may have."""
        at = self.pace.position
        if at is None:
            return "before its first epoch"
        most = f"/{self.pace.epochs}" if self.pace.epochs else ""
        return f"task {at.task + 1}/{at.tasks}, epoch {at.epoch + 1}{most}"


def look(folder: Path) -> InFlight:
    """What the work folder of a run says; only looks, and raises nothing for what is damaged."""
    work = WorkDir(folder.parent.parent, folder.name)
    told = events(work)
    start: dict[str, Any] = next((e for e in reversed(told) if e["event"] == "start"), {})
    known = None
    with suppress(LookupError, ValueError, TypeError):
        known = Expected(str(start["stream"]), str(start["strategy"]), int(start["seed"]))
    pid, epochs = start.get("pid"), start.get("epochs")
    return InFlight(
        id=folder.name,
        held=is_held(work.claim),
        host=one_line(start.get("host", "?")),
        pid=pid if isinstance(pid, int) else None,
        sign_s=max(0.0, time.time() - _last_change(folder)),
        known=known,
        pace=_pace(work, told, epochs if isinstance(epochs, int) else 0),
    )


def _pace(work: WorkDir, told: list[dict[str, Any]], epochs: int) -> Pace:
    """As if every epoch of this attempt had taken the same time."""
    pace = Pace(epochs)
    with suppress(OSError, LookupError, ValueError, TypeError):
        train = [event for event in told if event["event"] == "train"][-1]
        began, last = datetime.fromisoformat(train["time"]).timestamp(), work.trace.stat().st_mtime
        with work.trace.open(newline="") as file:
            rows = [(int(row[0]), int(row[1])) for row in list(csv.reader(file))[1:]]
        rows = [row for row in rows if row[0] >= train["task"]]
        for number, (task, epoch) in enumerate(rows, start=1):
            position = Position(task, epoch, int(train["tasks"]))
            pace.saw(position, began + (last - began) * number / len(rows))
    return pace


def _last_change(folder: Path) -> float:
    """When a file in the folder changed last, whatever the claim's are called.

    Not those that come and go: whoever looks whether a claim is held makes one.
    """
    times = [0.0]
    for path in folder.glob("[!.]*"):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)
