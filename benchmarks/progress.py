"""A sweep's progress: lines that move on a terminal, plain ones elsewhere, and ``sweep.log``."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.text import Text

from benchmarks.errors import last_line, one_line
from benchmarks.eta import Experience, Pace, seconds
from benchmarks.new_records import NewRecords
from benchmarks.position import Position
from benchmarks.progress_text import RunState, SweepState, duration, failures, plain, runs
from benchmarks.records import RunRecord
from benchmarks.run_names import kinds, name
from benchmarks.screen import live
from benchmarks.spec import RunSpec
from benchmarks.stopping import in_words
from benchmarks.sweep_log import SweepLog, stamp

LINE_S, LOG_LINE_S = 60.0, 600.0
"""Seconds between two lines on how far it is: where there is no terminal, and in ``sweep.log``."""
LOOK_S = 10.0
"""Seconds between two looks for records that another sweep has written."""


class SweepProgress:
    """Shows how far the runs of a sweep are, while inside.

    ``found``: the records that were there before, by id. ``clock``: seconds, whatever their zero.
    Methods may be called from any thread.
    """

    def __init__(
        self,
        specs: Sequence[RunSpec],
        out: Path,
        found: Mapping[str, RunRecord],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock, self.log = clock, SweepLog(out)
        self.kinds = kinds(specs)
        self.pending = {spec.id: spec for spec in specs if spec.id not in found}
        """Those without a record, interrupted ones among them."""
        self.interrupted: set[str] = set()
        self.records = NewRecords(self.pending.values(), out)
        self.running: dict[str, tuple[str, Pace]] = {}
        self.specs = {spec.id: spec for spec in specs}
        self.experience = Experience()
        for record in found.values():
            self.experience.add(self.kinds[record.id], record)
        statuses = Counter(str(record.status) for record in found.values())
        self.bad = Counter({status: n for status, n in statuses.items() if status != "finished"})
        self.total, self.workers = len(specs), 1
        self._ended, self._ended_s = 0, 0.0
        self.began = self._said = self._logged = self._looked = clock()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self.live = live(self.state)

    @property
    def done(self) -> int:
        """Runs that have a record."""
        return self.total - len(self.pending)

    def __enter__(self) -> Self:
        self.log.add(f"sweep of {runs(self.total)} begins, {self.done} have a record")
        if self.live is not None:
            self.live.start()
        self._ticker = threading.Thread(target=self._keep_saying, name="progress", daemon=True)
        self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._ticker.join()
        self.look()
        if self.live is not None:
            with self._lock:
                self.running.clear()
            self.live.stop()
        why = "" if kind is None else f" stopped by {in_words(kind)}"
        bad = failures(self._bad())
        self.log.add(f"sweep ends{why}: {self.done}/{self.total} runs{', ' if bad else ''}{bad}")

    def epoch(self, spec: RunSpec, task: int, epoch: int, n_tasks: int) -> None:
        """A run has trained one more epoch."""
        position, now = Position(task, epoch, n_tasks), self.clock()
        with self._lock:
            if spec.id not in self.pending or spec.id in self.interrupted:
                return
            first = spec.id not in self.running
            if first:
                self.running[spec.id] = self.kinds[spec.id], Pace(spec.protocol.epochs)
                self.workers = max(self.workers, len(self.running))
            self.running[spec.id][1].saw(position, now)
        if first:
            how = f"goes on with task {task + 1} of {n_tasks}" if task else "has begun"
            self._report(f"{self._name(spec)} {how}", on_terminal=False)

    def end(self, spec: RunSpec, message: str) -> None:
        """A run has ended, one way or another: with the status of its record, or interrupted."""
        status = message.partition(":")[0]
        with self._lock:
            self._ended += 1
            self.running.pop(spec.id, None)
            if status in ("finished", "failed", "diverged"):
                record = self._take(spec)
                if record is None and spec.id not in self.pending:
                    return  # told when its record was seen
                if record is not None:
                    self._ended_s += seconds(record)
                    message = _told(record)
                elif self.pending.pop(spec.id, None) and status != "finished":
                    self.bad[status] += 1
            elif spec.id in self.pending:
                self.interrupted.add(spec.id)
        self._report_end(spec, status, message)

    def look(self) -> None:
        """Count and tell the runs that have ended elsewhere."""
        with self._lock:
            away = [spec for i, spec in self.pending.items() if i not in self.running]
        for spec in away:
            with self._lock:
                record = self._take(spec) if spec.id in self.pending else None
            if record is not None:
                self._report_end(spec, record.status, _told(record))

    def _take(self, spec: RunSpec) -> RunRecord | None:
        """Count a run as done if it has a new record."""
        record = self.records.get(spec.id) if spec.id in self.pending else None
        if record is None or record.status == "running":
            return None
        del self.pending[spec.id]
        self.interrupted.discard(spec.id)
        if record.status != "finished":
            self.bad[record.status] += 1
        self.experience.add(self.kinds[spec.id], record)
        return record

    def _bad(self) -> Counter[str]:
        return self.bad + Counter(interrupted=len(self.interrupted))

    def say(self, line: str) -> None:
        """Print a line, above those that move, and log it."""
        self._report(line)

    def state(self) -> SweepState:
        """How far everything is."""
        now = self.clock()
        with self._lock:
            waiting = [
                self.kinds[i]
                for i in self.pending
                if i not in self.running and i not in self.interrupted
            ]
            left = self.experience.sweep_left(
                self.running, waiting, self.workers, now, self._overhead(now)
            )
            in_flight = tuple(
                RunState(
                    name(self.specs[i], kind),
                    pace.position,
                    pace.epochs,
                    now - pace.since,
                    self.experience.run_left(kind, pace, now),
                )
                for i, (kind, pace) in self.running.items()
                if pace.position is not None
            )
            elapsed = now - self.began
            return SweepState(self.done, self.total, elapsed, left, self._bad(), in_flight)

    def _overhead(self, now: float) -> float:
        """Seconds of a worker that each run has taken so far beside its tasks, to start above all.

        Of resumed runs it is too little: their records have the seconds of earlier sweeps too.
        """
        running = sum(now - pace.since for _, pace in self.running.values())
        spent = (now - self.began) * self.workers - running - self._ended_s
        return max(0.0, spent / (self._ended + len(self.running))) if self._ended else 0.0

    def tick(self) -> None:
        """Look what ended elsewhere, and say how far it is, where that is due."""
        now = self.clock()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self.look()
        if self.live is None and now - self._said >= LINE_S:
            self._said = now
            _print(f"{stamp()} {plain(self.state())}")
        if now - self._logged >= LOG_LINE_S:
            self._logged = now
            self.log.add(plain(self.state()))

    def _keep_saying(self) -> None:
        while not self._over.wait(1.0):
            self.tick()

    def _report_end(self, spec: RunSpec, status: str, message: str) -> None:
        line = f"[{self.done}/{self.total}] {self._name(spec)}: {message}"
        self._report(line, style="" if status == "finished" else "red")

    def _report(self, line: str, *, style: str = "", on_terminal: bool = True) -> None:
        line = one_line(line)
        self.log.add(line)
        if self.live is None:
            _print(f"{stamp()} {line}")
        elif on_terminal:
            self.live.console.print(Text(line, style), soft_wrap=True)

    def _name(self, spec: RunSpec) -> str:
        return f"{spec.stream} {name(spec, self.kinds[spec.id])}"


def _print(line: str) -> None:
    with suppress(OSError, ValueError):  # a closed stderr is no reason to stop
        print(line, file=sys.stderr, flush=True)


def _told(record: RunRecord) -> str:
    if record.status == "finished":
        return f"finished in {duration(seconds(record))}"
    return f"{record.status}: {last_line(record.error)}"
