"""What a run goes on from: written after every task, checked before it is used."""

from __future__ import annotations

import copy
import logging
import sys
from typing import Any

from benchmarks import environment
from benchmarks.backbones import MultiHeadNet
from benchmarks.interruptions import is_out_of_memory
from benchmarks.record_parts import Matrix
from benchmarks.records import RunRecord
from benchmarks.spec import RunSpec
from benchmarks.streams.stream import Stream
from benchmarks.workdir import WorkDir, now
from ness.task_plugin import TaskPlugin

log = logging.getLogger(__name__)


class Checkpoints:
    """Saves and restores a run's model, method and record.

    Nothing else has to be: optimisers start afresh with each task, and every random number
    derives from (seed, task, epoch).
    """

    def __init__(
        self,
        spec: RunSpec,
        work: WorkDir,
        stream: Stream,
        model: MultiHeadNet,
        plugin: TaskPlugin,
        facts: dict[str, str],
    ) -> None:
        """``facts``: what the record says of how outputs are computed."""
        self.spec, self.work, self.stream = spec, work, stream
        self.facts = facts
        self.model, self.plugin = model, plugin

    def save(self, record: RunRecord) -> None:
        """Write the state after the last task of ``record``, unless the method cannot resume."""
        if not self.plugin.resumable:
            return
        self.work.save_checkpoint(
            {
                "tasks_done": len(record.tasks),
                "model": self.model.state_dict(),
                "method": self.plugin.state_dict(),
                "record": record.to_json(),
            }
        )

    def resume(self) -> RunRecord:
        """The record so far, with model and method as they were then; an empty one to begin with.

        Of a method that cannot resume it is always empty: said in the log and on stderr where
        an earlier process had begun.
        """
        record = self._stored()
        self.work.trim_trace(0 if record is None else len(record.tasks))
        if record is not None:
            log.info("going on after task %d", len(record.tasks))
            record.environment = environment.moved(
                record.environment, self._here(), task=len(record.tasks) + 1
            )
            return record
        return self._empty()

    def _stored(self) -> RunRecord | None:
        if not self.plugin.resumable:
            if self.work.trace.exists():
                self._say_it_starts_over()
            return None
        state = self.work.load_checkpoint()
        if state is None:
            return None
        untrained = copy.deepcopy(self.model.state_dict()), self.plugin.state_dict()
        try:
            return self._load(state)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # Made by another version of the method, for example.
            self.work.reject_checkpoint(error)
            self.model.load_state_dict(untrained[0])
            self.plugin.load_state_dict(untrained[1])
            return None

    def _load(self, state: dict[str, Any]) -> RunRecord:
        record = RunRecord.from_json(state["record"].encode())
        if record.id != self.spec.id or len(record.tasks) != state["tasks_done"]:
            raise ValueError("it belongs to another run")
        if record.stream != self.stream.describe():
            raise ValueError("it was made on other images: the data folder has changed")
        self.model.load_state_dict(state["model"])
        self.plugin.load_state_dict(state["method"])
        return record

    def _empty(self) -> RunRecord:
        size = len(self.stream.tasks)

        def nothing() -> Matrix:
            return [[None] * size for _ in range(size)]

        return RunRecord(
            schema=1,
            id=self.spec.id,
            spec=self.spec.model_dump(mode="json"),
            status="running",
            accuracy_matrix=nothing(),
            accuracy_matrix_task_aware=nothing() if self.stream.scenario == "cil" else None,
            initial_accuracy=[None] * size,
            forward_accuracy=[None] * size,
            lowest_accuracy=nothing() if self.spec.protocol.track_old_tasks else None,
            tasks=[],
            keeps_data=self.plugin.keeps_data,
            stream=self.stream.describe(),
            environment=self._here(),
            started=now(),
        )

    def _here(self) -> dict[str, Any]:
        return environment.describe(self.spec.device, self.spec.threads) | self.facts

    def _say_it_starts_over(self) -> None:
        message = (
            f"{self.spec.strategy}: seed {self.spec.seed} did not finish, and this strategy cannot "
            f"be resumed (no checkpoint holds all its state): starting again from task 1"
        )
        log.warning(message)
        print(message, file=sys.stderr)
