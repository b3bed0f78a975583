"""How long a sweep still takes, from what was seen of its runs; no clock of its own.

Nothing is inferred from the time since a run began: a resumed run starts in the middle, and the
tasks of any run may end before their last epoch.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import fmean

from benchmarks.position import Position
from benchmarks.records import RunRecord


class Pace:
    """The epochs of one run in flight, as they are reported; ``epochs`` is the most a task has."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.position: Position | None = None
        self.since = self.last = 0.0
        """When it was heard of first and last, in seconds."""
        self._seen = 0
        self._ended: list[int] = []

    def saw(self, position: Position, at: float) -> None:
        """The run has trained the epoch at ``position``, heard of at ``at``."""
        before, self.position, self.last = self.position, position, at
        if before is None:
            self.since = at
        elif before.task == position.task:
            self._seen += position.epoch - before.epoch
        else:
            self._seen += position.epoch + 1
            self._ended.append(before.epoch + 1)

    @property
    def epoch_s(self) -> float | None:
        """Seconds an epoch, with what comes between two tasks; None before the second epoch."""
        return (self.last - self.since) / self._seen if self._seen > 0 else None

    def epochs_a_task(self, typical: float | None = None) -> float:
        """What its tasks have had so far; before the first has ended ``typical``, or all."""
        return fmean(self._ended) if self._ended else typical or self.epochs

    def total(self, typical: float | None = None) -> float | None:
        """Seconds of the whole run, had it begun with task 1; None while that is unknown."""
        if self.position is None or self.epoch_s is None:
            return None
        return self.epoch_s * self.position.tasks * self.epochs_a_task(typical)

    @property
    def share_left(self) -> float:
        """The share of its tasks that it has not begun, the one it is in among them."""
        at = self.position
        return 1.0 - at.task / at.tasks if at is not None else 1.0

    def left(self, now: float, typical: float | None = None) -> float | None:
        """Seconds until it ends; None while that is unknown."""
        if self.position is None or self.epoch_s is None:
            return None
        a_task = self.epochs_a_task(typical)
        here = max(0.0, a_task - self.position.epoch - 1)
        to_train = here + a_task * (self.position.tasks - self.position.task - 1)
        return max(0.0, self.epoch_s * to_train - (now - self.last))


@dataclass
class Experience:
    """What finished runs took, by kind: those of a kind differ in their seeds alone."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    epochs: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Of every task."""

    def add(self, kind: str, record: RunRecord) -> None:
        """Learn from a run that has finished; the seconds of all its attempts add up."""
        if record.status == "finished":
            self.seconds[kind].append(seconds(record))
            self.epochs[kind] += [task.epochs for task in record.tasks]

    def typical_epochs(self, kind: str) -> float | None:
        """Epochs a task."""
        return fmean(self.epochs[kind]) if kind in self.epochs else None

    def run_left(self, kind: str, pace: Pace, now: float) -> float | None:
        """Seconds that a run in flight still takes; None while that is unknown."""
        left = pace.left(now, self.typical_epochs(kind))
        if left is None and kind in self.seconds and pace.position is not None:
            left = max(0.0, fmean(self.seconds[kind]) * pace.share_left - (now - pace.since))
        return left

    def sweep_left(
        self,
        running: Mapping[str, tuple[str, Pace]],
        pending: Iterable[str],
        workers: int,
        now: float,
        overhead: float = 0.0,
    ) -> float | None:
        """Seconds until all is done; None while that is unknown.

        ``running``: kind and pace of each run in flight by id. ``pending``: the kinds of those
        to come, in their order, each of which takes ``overhead`` seconds beside its tasks. A kind
        of which none has finished takes what its run in flight will have taken, and one that
        has not begun what the others take on average. A run in flight whose own pace is unknown
        takes what its kind does for the tasks it has not begun.
        """
        known = {kind: fmean(seconds) for kind, seconds in self.seconds.items()}
        for kind, pace in running.values():
            total = pace.total(self.typical_epochs(kind))
            if kind not in known and total is not None:
                known[kind] = total
        pending = list(pending)
        if not (running or pending):
            return None
        typical = fmean(known.values()) if known else None
        ends = []
        for kind, pace in running.values():
            left = self.run_left(kind, pace, now)
            whole = known.get(kind, typical)
            if left is None and whole is None:
                return None
            ends.append(left if left is not None else (whole or 0.0) * pace.share_left)
        if pending and typical is None:
            return None
        ends += [0.0] * (workers - len(ends))
        heapq.heapify(ends)
        for kind in pending:
            takes = overhead + known.get(kind, typical or 0.0)
            heapq.heappush(ends, heapq.heappop(ends) + takes)
        return max(ends)


def seconds(record: RunRecord) -> float:
    """What a run's tasks took, in all its attempts."""
    return sum(task.train_s + task.consolidate_s + task.eval_s for task in record.tasks)


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """How many of the spans, each from its begin to its end, overlap at most."""
    changes = sorted(change for begin, end in spans for change in ((begin, 1), (end, -1)))
    return max(accumulate((step for _, step in changes), initial=0))
