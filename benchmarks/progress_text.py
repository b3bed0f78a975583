"""A sweep's progress in words: one line for the sweep and one for each run in flight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size

from benchmarks.position import Position

BAR = 24
"""Signs of a bar at most."""
NAMED = 8
"""Runs in flight that a plain line names."""


@dataclass(frozen=True)
class RunState:
    """A run in flight."""

    name: str
    position: Position
    epochs: int
    """The most that a task has."""
    elapsed: float
    """Seconds since it was first heard of."""
    left: float | None


@dataclass(frozen=True)
class SweepState:
    """A sweep as it stands."""

    done: int
    total: int
    elapsed: float
    left: float | None
    """Seconds; None while that is unknown."""
    bad: Counter[str] = field(default_factory=Counter)
    """Runs that did not finish, by status; interrupted ones are not among those done."""
    runs: tuple[RunState, ...] = ()


def duration(seconds: float | None) -> str:
    """``3 h 20 min``: the two largest units; ``-`` for None."""
    if seconds is None:
        return "-"
    rest = round(seconds)
    if rest < 60:
        return f"{rest} s"
    if rest < 600:
        return f"{rest // 60} min {rest % 60} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} days {minutes % 1440 // 60} h"


def clock(seconds: float | None) -> str:
    """``3:20:00``; ``-`` for None."""
    if seconds is None:
        return "-"
    rest = round(seconds)
    return f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"


def runs(number: int) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number} run{'' if number == 1 else 's'}"


def failures(bad: Counter[str]) -> str:
    """``2 failed, 1 diverged``; empty if there are none."""
    return ", ".join(f"{n} {status}" for status, n in bad.most_common() if n)


def lines(state: SweepState, width: int, height: int, *, ascii_only: bool) -> list[str]:
    """The state in at most ``height`` lines of at most ``width`` columns, the sweep's first."""
    shown = state.runs if len(state.runs) < height else state.runs[: max(0, height - 2)]
    hidden = len(state.runs) - len(shown)
    found = [_first_that_fits(_sweep_layouts(state, ascii_only), width)]
    found += [_first_that_fits(_run_layouts(run, ascii_only), width) for run in shown]
    if hidden and height > 1:
        found.append(set_cell_size(f"and {hidden} more", width).rstrip())
    return found


def plain(state: SweepState) -> str:
    """The state as one line of a log."""
    parts = [f"{state.done}/{state.total} runs"]
    parts += [failures(state.bad)] if any(state.bad.values()) else []
    if state.left is not None:
        parts.append(f"about {duration(state.left)} left")
    line = ", ".join(parts)
    named = [f"{run.name} ({_where(run.position, run.epochs)})" for run in state.runs[:NAMED]]
    if len(state.runs) > NAMED:
        named.append(f"{len(state.runs) - NAMED} more")
    return f"{line}; running: {', '.join(named)}" if named else line


def _where(position: Position, epochs: int) -> str:
    task = f"task {position.task + 1} of {position.tasks}"
    return f"{task}, epoch {position.epoch + 1} of at most {epochs}"


def _sweep_layouts(state: SweepState, ascii_only: bool) -> Iterator[str]:
    """From rich to poor."""
    count, bad = f"{state.done}/{state.total}", failures(state.bad)
    middle = f"  {bad}" if bad else ""
    elapsed = clock(state.elapsed)
    over = state.done + state.bad["interrupted"] == state.total
    left, short = ("", "") if over else (f"{duration(state.left)} left", clock(state.left))
    share = state.done / state.total if state.total else 1.0
    for size in range(BAR, 7, -4):
        bar = _bar(share, size, ascii_only)
        yield f"{count} runs {bar}{middle}  {elapsed}{left and f', {left}'}"
    yield f"{count} runs{middle}  {elapsed}{left and f', {left}'}"
    yield f"{count} runs{middle}  {left or elapsed}"
    yield f"{count}{middle}  {short or elapsed}"
    yield f"{count}{middle}"


def _run_layouts(run: RunState, ascii_only: bool) -> Iterator[str]:
    at = run.position
    long = (
        f"task {at.task + 1}/{at.tasks}, epoch {at.epoch + 1:{len(str(run.epochs))}}/{run.epochs}"
    )
    short = f"{at.task + 1}/{at.tasks} {at.epoch + 1}/{run.epochs}"
    share = (at.task + min(1.0, (at.epoch + 1) / run.epochs)) / at.tasks
    times = f"{clock(run.elapsed)}, {clock(run.left)} left"
    for size in range(BAR, 7, -4):
        yield f"  {run.name}  {long} {_bar(share, size, ascii_only)}  {times}"
    yield f"  {run.name}  {long}  {times}"
    yield f"  {run.name}  {long}  {clock(run.left)} left"
    yield f"  {run.name}  {short}  {clock(run.left)}"
    # A long name gives way, from its beginning: what tells runs apart comes last in it.
    where, dots = (
        f"  {short}  {clock(run.left)}",
        "..." if ascii_only else "\N{HORIZONTAL ELLIPSIS}",
    )
    for cut in range(1, len(run.name)):
        yield f"  {dots}{run.name[cut:]}{where}"
    yield where


def _bar(share: float, size: int, ascii_only: bool) -> str:
    full, empty = "#-" if ascii_only else "\N{FULL BLOCK}\N{LIGHT SHADE}"
    done = int(share * size)
    return full * done + empty * (size - done)


def _first_that_fits(layouts: Iterator[str], width: int) -> str:
    line = ""
    for line in layouts:
        if cell_len(line) <= width:
            return line
    return set_cell_size(line, width).rstrip()
