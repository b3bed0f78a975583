"""Task after task of one run, with a checkpoint after each."""

from __future__ import annotations

import copy
import logging
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from avalanche.logging import BaseLogger
from avalanche.training.plugins import EvaluationPlugin

import baselines
from benchmarks import environment
from benchmarks.build import build_model, build_optimizer, load_stream
from benchmarks.loading import StreamStrategy
from benchmarks.meters import Accuracy, Stopwatch
from benchmarks.protocol import Diverged, Epoch, Protocol
from benchmarks.records import RunRecord, TaskRecord
from benchmarks.seeds import seed_all
from benchmarks.spec import RunSpec
from benchmarks.streams.stream import SplitName
from benchmarks.task_statistics import TaskStatistics
from benchmarks.workdir import WorkDir, now
from ness import compat
from ness.task_plugin import TaskPlugin

log = logging.getLogger(__name__)

KEPT_SPLITS: tuple[SplitName, ...] = ("train", "valid")

Notify = Callable[[int, int, int], None]
"""Called after every epoch with (task, epoch, number of tasks to train)."""


class TaskLoop:
    """The state of one run between its tasks."""

    def __init__(
        self, spec: RunSpec, work: WorkDir, data_dir: Path | None, notify: Notify | None
    ) -> None:
        self.spec, self.work, self.notify = spec, work, notify
        self.stream = load_stream(spec, data_dir)
        self.model = build_model(spec, self.stream)
        self.plugin: TaskPlugin = baselines.load(spec.strategy)(**spec.strategy_args)
        self.protocol = Protocol(spec.protocol, seed=spec.data_seed, on_epoch=self._on_epoch)
        self.stopwatch, self.accuracy = Stopwatch(), Accuracy()
        self.strategy = StreamStrategy(
            stream=self.stream,
            sees=self.plugin.sees,
            data_seed=spec.data_seed,
            model=self.model,
            optimizer=build_optimizer(spec.optimizer, self.model),
            train_mb_size=spec.protocol.batch_size,
            train_epochs=spec.protocol.epochs,
            eval_mb_size=spec.protocol.eval_batch_size,
            device=spec.device,
            plugins=[
                self.protocol,
                TaskStatistics(),
                self.stopwatch,
                self.plugin,
                self.stopwatch,
                self.accuracy,
            ],
            evaluator=EvaluationPlugin(loggers=[BaseLogger()]),
        )
        self.benchmark = self.stream.benchmark(self.plugin.sees)
        self.n_tasks = len(self.stream.tasks)
        self.steps = self.stream.steps(self.plugin.sees)

    def execute(self) -> RunRecord:
        """Train and evaluate task after task from the last checkpoint on."""
        record, first = self._resume()
        task = first
        try:
            if first == 0:
                record.initial_accuracy[:] = self._evaluate(range(self.n_tasks))
                record.forward_accuracy[0] = record.initial_accuracy[0]
            for task in range(first, self.steps):
                self._learn(task, record)
                self._checkpoint(task, record)
        except Diverged as error:
            record.status, record.error = "diverged", str(error)
        except Exception:
            log.exception("task %d failed", task + 1)
            record.status, record.error = "failed", _clipped(traceback.format_exc(limit=-8))
        else:
            record.status = "finished"
        record.ended = now()
        return record

    def _learn(self, task: int, record: RunRecord) -> None:
        """Train one task and evaluate it, those before, and the next one unseen."""
        seed_all(self.spec.data_seed, "task", task)
        self.stopwatch.reset()
        started = time.perf_counter()
        self.strategy.train(self.benchmark.train_stream[task], eval_streams=[])
        trained = time.perf_counter()
        last = self.stream.tasks_of(task, self.plugin.sees)[-1]
        record.accuracy_matrix[last][: last + 1] = self._evaluate(range(last + 1))
        if last + 1 < self.n_tasks:
            record.forward_accuracy[last + 1] = self._evaluate([last + 1])[0]
        record.tasks.append(
            TaskRecord(
                train_s=round(trained - started - self.stopwatch.seconds, 3),
                consolidate_s=round(self.stopwatch.seconds, 3),
                eval_s=round(time.perf_counter() - trained, 3),
                epochs=self.protocol.epochs_done,
                best_epoch=self.protocol.best_epoch,
                trainable_parameters=self.stopwatch.trainable,
                state_bytes=self.plugin.state_bytes() + self._raw_bytes(task),
                peak_memory_bytes=_peak_memory(self.spec.device),
                ranks=dict(self.plugin.ranks),
                interference=_short(self.plugin.interference),
                interference_bound=_short(self.plugin.interference_bound),
            )
        )

    def _raw_bytes(self, step: int) -> int:
        """Bytes of the images and labels that the harness keeps for a method that sees them."""
        if self.plugin.sees == "task":
            return 0
        return sum(self.stream.data(split, step, self.plugin.sees).nbytes for split in KEPT_SPLITS)

    def _evaluate(self, tasks: Iterable[int]) -> list[float | None]:
        """Test accuracy in percent on each of the tasks, leaving every generator as it was."""
        results: list[float | None] = []
        with compat.isolated_rng():
            for task in tasks:
                self.strategy.eval(self.benchmark.test_stream[task])
                results.append(self.accuracy.percent)
        return results

    def _on_epoch(self, epoch: Epoch) -> None:
        self.work.add_epoch(epoch)
        if self.notify is not None:
            self.notify(epoch.task, epoch.epoch, self.steps)

    def _checkpoint(self, task: int, record: RunRecord) -> None:
        if not self.plugin.resumable:
            return
        self.work.save_checkpoint(
            {
                "tasks_done": task + 1,
                "model": self.model.state_dict(),
                "method": self.plugin.state_dict(),
                "record": record.to_json(),
            }
        )

    def _resume(self) -> tuple[RunRecord, int]:
        """The record so far and the task to go on with, from the checkpoint if there is one.

        Nothing else has to be restored: optimisers start afresh with each task, and every
        random number derives from (seed, task, epoch).
        """
        state = None
        if self.plugin.resumable:
            state = self.work.load_checkpoint()
        elif self.work.trace.exists():
            self._say_it_starts_over()
        if state is not None:
            untrained = copy.deepcopy(self.model.state_dict()), self.plugin.state_dict()
            try:
                return self._load(state)
            except Exception as error:  # made by another version of the method, for example
                self.work.reject_checkpoint(error)
                self.model.load_state_dict(untrained[0])
                self.plugin.load_state_dict(untrained[1])
        self.work.trim_trace(0)
        size = self.n_tasks
        record = RunRecord(
            schema=1,
            id=self.spec.id,
            spec=self.spec.model_dump(mode="json"),
            status="running",
            accuracy_matrix=[[None] * size for _ in range(size)],
            initial_accuracy=[None] * size,
            forward_accuracy=[None] * size,
            tasks=[],
            stream=self.stream.describe(),
            environment=environment.describe(self.spec.device, self.spec.threads),
            started=now(),
        )
        return record, 0

    def _say_it_starts_over(self) -> None:
        message = (
            f"{self.spec.strategy}: seed {self.spec.seed} was interrupted and this strategy cannot "
            f"be resumed (its state is not all in a checkpoint): starting again from task 1"
        )
        log.warning(message)
        print(message, file=sys.stderr)

    def _load(self, state: dict[str, Any]) -> tuple[RunRecord, int]:
        record, tasks_done = RunRecord.model_validate_json(state["record"]), state["tasks_done"]
        if record.id != self.spec.id or len(record.tasks) != tasks_done:
            raise ValueError("it belongs to another run")
        if record.stream != self.stream.describe():
            raise ValueError("it was made on other images: the data folder has changed")
        self.model.load_state_dict(state["model"])
        self.plugin.load_state_dict(state["method"])
        self.strategy.clock.train_exp_counter = tasks_done
        self.work.trim_trace(tasks_done)
        log.info("going on after task %d", tasks_done)
        return record, tasks_done


def _clipped(text: str, limit: int = 8000) -> str:
    """The ends of a traceback too long for a record; the run's log has it whole."""
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]}\n[...]\n{text[-half:]}"


def _peak_memory(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _short(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}
