"""How far a run has come, told from its work folder by who cannot ask its process."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from benchmarks.workdir import WorkDir


@dataclass(frozen=True)
class Position:
    """The last epoch that was trained: task and epoch from 0, of so many ``tasks``."""

    task: int
    epoch: int
    tasks: int


def position(work: WorkDir) -> Position | None:
    """Where a run is; None before its first epoch and where its files do not tell."""
    try:
        tasks = [event["tasks"] for event in events(work) if event["event"] == "train"][-1]
        with work.trace.open() as file:
            last = deque(file, maxlen=1)
        task, epoch = last[0].split(",")[:2]
        return Position(int(task), int(epoch), int(tasks))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def events(work: WorkDir) -> list[dict[str, Any]]:
    """The events of a run, oldest first; lines that a crash tore are left out."""
    found = []
    try:
        lines = work.events.read_text().splitlines()
    except (OSError, ValueError):
        return []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            found.append(event)
    return found
