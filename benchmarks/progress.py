"""A sweep's progress: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.spec import RunSpec


class SweepProgress:
    """Shows ``total`` runs: one bar for the sweep and one for each run in flight."""

    def __init__(self, total: int, *, already: int = 0) -> None:
        self.total, self.done = total, already
        self.console = Console(file=sys.stderr, highlight=False)
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.overall = self.bars.add_task("runs", total=total, completed=already)
        self.runs: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()

    def epoch(self, spec: RunSpec, task: int, epoch: int, n_tasks: int) -> None:
        """A run has trained one more epoch."""
        total = n_tasks * spec.protocol.epochs
        bar = self.runs.get(spec.id)
        if bar is None:
            bar = self.runs[spec.id] = self.bars.add_task(name(spec), total=total)
        label = f"{name(spec)}: task {task + 1} of {n_tasks}"
        completed = task * spec.protocol.epochs + epoch + 1
        self.bars.update(bar, completed=completed, description=label)

    def end(self, spec: RunSpec, message: str) -> None:
        """A run has ended, one way or another."""
        self.done += 1
        bar = self.runs.pop(spec.id, None)
        if bar is not None:
            self.bars.update(bar, visible=False)
        self.bars.update(self.overall, completed=self.done)
        self.say(f"[{self.done}/{self.total}] {name(spec)}: {message}")

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self.console.print(line, markup=False, soft_wrap=True)


def name(spec: RunSpec) -> str:
    """How a run is called on the screen."""
    return f"{spec.stream} {spec.strategy} seed {spec.seed}"
