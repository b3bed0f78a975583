"""How far a run had come when its process was killed, from what it left behind."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import torch
from kills import Kill
from sweep_process import events

from benchmarks.records import record_path
from benchmarks.spec import RunSpec
from benchmarks.workdir import WorkDir

IN_A_TASK = {"training", "consolidating", "writing a checkpoint"}
"""Phases in which a task is lost. "Consolidating" is all between a task's last epoch and its
checkpoint: the best weights put back, the method's bases, evaluation."""
FIGURES: list[str] = []
"""What the terminal says after the tests."""


class Tally:
    """Kills, and where they hit."""

    def __init__(self) -> None:
        self.folders = 0
        self.kills: list[tuple[Kill, list[str]]] = []

    def add(self, kill: Kill, phases: list[str]) -> None:
        """Count a kill and the phases of the runs that it ended."""
        self.kills.append((kill, phases))
        when = f"{kill.when} {kill.file}".strip()
        print(f"{kill.signal.name} to the {kill.whom} ({when}): {', '.join(phases)}")

    @property
    def phases(self) -> Counter[str]:
        """Runs hit in each phase, and kills that hit none."""
        return Counter(phase for _, phases in self.kills for phase in phases)

    def in_phases(self, wanted: set[str]) -> int:
        """Kills that hit a run in one of the phases."""
        return sum(bool(wanted & set(phases)) for _, phases in self.kills)

    def report(self) -> None:
        """Have the figures printed."""
        signals = Counter(kill.signal.name for kill, _ in self.kills)
        victims = Counter(kill.whom for kill, _ in self.kills)
        FIGURES.append(
            f"torture: {_listed(signals)} in {self.folders} sweeps ({_listed(victims)}); "
            f"hit: {_listed(self.phases)}"
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.most_common())


def tasks_done(work: WorkDir) -> int:
    """Tasks in the checkpoint; raises what torch raises for one that is not whole."""
    if not work.checkpoint.exists():
        return 0
    state = torch.load(work.checkpoint, weights_only=True)
    assert isinstance(state["tasks_done"], int)
    return state["tasks_done"]


def epochs(work: WorkDir) -> list[tuple[int, int]]:
    """(task, epoch) of every whole line of the trace."""
    if not work.trace.exists():
        return []
    lines = work.trace.read_text().splitlines(keepends=True)[1:]
    pairs = [line.split(",")[:2] for line in lines if line.endswith("\n")]
    return [(int(task), int(epoch)) for task, epoch in pairs]


def phase(out: Path, spec: RunSpec, n_tasks: int, resumable: bool) -> str:
    """Where the latest process of a run was when it ended."""
    work, record = WorkDir(out, spec.id), record_path(out, spec.stream, spec.strategy, spec.id)
    if record.exists():
        return "after the record"
    if list(record.parent.glob(f".{record.name}.*")):
        return "writing the record"
    if list(work.folder.glob(".checkpoint.pt.*")):
        return "writing a checkpoint"
    began = [line["time"] for line in events(work.folder) if line["event"] == "start"][-1]
    done, begun = tasks_done(work), datetime.fromisoformat(began).timestamp()
    if done == n_tasks:
        return "writing the record"
    trained = epochs(work)
    if not work.trace.exists() or work.trace.stat().st_mtime < begun or not trained:
        return "preparing"
    task, epoch = trained[-1]
    if task < done:
        return "training" if work.checkpoint.stat().st_mtime > begun else "preparing"
    ended = epoch == spec.protocol.epochs - 1
    return "consolidating" if ended and (resumable or task == n_tasks - 1) else "training"
