"""From the answers of tasks, and from the queue, to the futures of a sweep."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

from benchmarks.claims import Claimed
from benchmarks.errors import BadInput
from benchmarks.executors.job import Job, WorkerDied
from benchmarks.executors.slurm.cluster import Cluster, Key
from benchmarks.executors.slurm.files import Answer, ArrayFolder
from benchmarks.interruptions import AGAIN
from benchmarks.records import record_path
from benchmarks.workdir import read_or_set_aside

LOOK_S = 1.0
"""Seconds between two looks for answers."""


@dataclass
class Sent:
    """An array that was sent, and its tasks that have not ended."""

    array: str
    folder: ArrayFolder
    tasks: dict[int, tuple[Job, Future[str]]]
    keep: bool = False
    """Whether its folder tells what went wrong."""
    gone: dict[int, float] = field(default_factory=dict)
    """Since when tasks are in the queue no more."""


class Watch:
    """A thread that ends the futures of arrays as their tasks end."""

    def __init__(self, cluster: Cluster, answer_s: float) -> None:
        self.sent: list[Sent] = []
        self._cluster, self._answer_s = cluster, answer_s
        self._ask_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="slurm", daemon=True)
        self._thread.start()

    def add(self, sent: Sent) -> None:
        """Watch an array as well."""
        self.sent.append(sent)

    def open(self) -> list[str]:
        """The arrays with tasks that have not ended."""
        return [sent.array for sent in self.sent if sent.tasks]

    def stop(self) -> None:
        """End the thread; futures that are open stay so."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(min(LOOK_S, self._cluster.pause_s)):
            try:
                self._look()
            except Exception as error:  # a sweep would else wait for ever
                for sent in self.sent:
                    for number in list(sent.tasks):
                        sent.tasks.pop(number)[1].set_exception(error)

    def _look(self) -> None:
        arrays = self.open()
        alive: set[Key] | None = None
        if arrays and time.monotonic() >= self._ask_at:
            alive = self._cluster.alive(arrays)
            self._ask_at = time.monotonic() + self._cluster.pause_s
        for sent in [sent for sent in self.sent if sent.array in arrays]:
            # After the queue: who has left it by then has answered before.
            for number, answer in sent.folder.answers().items():
                if number in sent.tasks:
                    self._end(sent, number, answer)
            if alive is not None:
                self._miss(sent, alive)

    def _miss(self, sent: Sent, alive: set[Key]) -> None:
        """Give up tasks that left the queue a while ago: their answers may take their time."""
        now = time.monotonic()
        for number in list(sent.tasks):
            if (sent.array, number) in alive:
                sent.gone.pop(number, None)
            elif now - sent.gone.setdefault(number, now) >= self._answer_s:
                self._end(sent, number, self._without_answer(sent, number))

    def _without_answer(self, sent: Sent, number: int) -> Answer:
        job, _ = sent.tasks[number]
        spec = job.spec
        record = read_or_set_aside(record_path(job.out, spec.stream, spec.strategy, spec.id))
        if record is not None and not record.is_repeated(job.retry, job.seen):
            return Answer(kind="status", text=record.status)
        why = self._cluster.reason((sent.array, number))
        line = sent.folder.last_line(number)
        if line is None and "CANCELLED" not in why:
            why += (
                f"; it has written nothing to {sent.folder.path}: is --out on a file system that "
                f"the nodes have too?"
            )
        return Answer(kind="interrupted", text="; ".join(filter(None, [why, line, AGAIN])))

    @staticmethod
    def _end(sent: Sent, number: int, answer: Answer) -> None:
        _, future = sent.tasks.pop(number)
        where = f"task {sent.array}_{number}"
        if answer.kind == "status":
            future.set_result(answer.text)
        elif answer.kind == "claimed":
            future.set_exception(Claimed(answer.text))
        elif answer.kind == "interrupted":
            sent.keep = True
            future.set_exception(WorkerDied(f"{where}: {answer.text}"))
        else:
            sent.keep = True
            log = sent.folder.log(number)
            future.set_exception(BadInput(f"{where}: {answer.text} (its log is {log})"))
