"""Task after task of one run, with a checkpoint after each."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import baselines
from benchmarks import run_log
from benchmarks.build import build_model, build_optimizer
from benchmarks.callbacks import NoMetrics
from benchmarks.checkpoints import Checkpoints
from benchmarks.claims import Claimed
from benchmarks.environment import moved
from benchmarks.errors import storable
from benchmarks.interruptions import Interrupted, is_out_of_memory
from benchmarks.loading import StreamStrategy
from benchmarks.memory import peak
from benchmarks.meters import Accuracy, Stopwatch
from benchmarks.old_tasks import OldTasks
from benchmarks.outputs import Outputs
from benchmarks.protocol import Diverged, Epoch, Protocol
from benchmarks.record_parts import TaskRecord
from benchmarks.records import RunRecord
from benchmarks.seeds import seed_all
from benchmarks.spec import RunSpec
from benchmarks.streams.stream import SplitName, Stream
from benchmarks.task_statistics import TaskStatistics
from benchmarks.trackers import Curves
from benchmarks.workdir import WorkDir, now
from ness import compat
from ness.task_plugin import TaskPlugin

log = logging.getLogger(__name__)

KEPT_SPLITS: tuple[SplitName, ...] = ("train", "valid")

Notify = Callable[[int, int, int], None]
"""Called after every epoch with (task, epoch, number of tasks to train)."""


@dataclass
class _Accuracies:
    """Percent of each evaluated task's samples: of the test split, or what the spec has there."""

    any_class: list[float] = field(default_factory=list)
    own_classes: list[float] = field(default_factory=list)
    """Only the task's own classes compete: the same, but in ``cil``."""


class TaskLoop:
    """The state of one run between its tasks."""

    def __init__(
        self,
        spec: RunSpec,
        work: WorkDir,
        stream: Stream,
        notify: Notify | None,
        trackers: Sequence[str] = (),
    ) -> None:
        self.spec, self.work, self.notify = spec, work, notify
        self.stream = stream.evaluated_on(spec.evaluate_on)
        self.model = build_model(spec, self.stream)
        self.plugin: TaskPlugin = baselines.load(spec.strategy)(**spec.strategy_args)
        self.protocol = Protocol(spec.protocol, seed=spec.data_seed, on_epoch=self._on_epoch)
        self.stopwatch, self.accuracy = Stopwatch(self.plugin), Accuracy(self.stream)
        self.old_tasks = OldTasks(lambda tasks: self._evaluate(tasks).any_class)
        self.outputs = Outputs(spec)
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
                self.old_tasks,
                *self.outputs.plugins,
            ],
            compute=self.outputs,
            evaluator=NoMetrics(),
        )
        self.curves = Curves(trackers, spec, work)
        self.benchmark = self.stream.benchmark(self.plugin.sees)
        self.n_tasks = len(self.stream.tasks)
        self.steps = self.stream.steps(self.plugin.sees)
        self.predicts_unseen = self.stream.scenario != "cil"
        """Whether a class that was not trained yet can be the prediction."""
        self.checkpoints = Checkpoints(
            spec, work, stream, self.model, self.plugin, self.outputs.facts
        )

    def execute(self) -> RunRecord:
        """Train and evaluate task after task from the last checkpoint on.

        What the method or its data raise is a record, for they would raise it again. Raises
        `Interrupted`, or what says that memory ran out, where the machine is at fault.
        """
        with self.outputs.prepared():
            return self._execute()

    def _execute(self) -> RunRecord:
        record = self.checkpoints.resume()
        task = first = self.strategy.clock.train_exp_counter = len(record.tasks)
        self.work.event("train", task=first, tasks=self.steps)
        run_log.begins(record)
        try:
            if first == 0 and self.predicts_unseen:
                record.initial_accuracy[:] = self._evaluate(range(self.n_tasks)).any_class
                record.forward_accuracy[0] = record.initial_accuracy[0]
            with self.curves.of(record):
                for task in range(first, self.steps):
                    run_log.task_begins(task, self.steps)
                    self._learn(task, record)
                    run_log.task_ends(record)
                    self.curves.task(record)
                    self.checkpoints.save(record)
        except Diverged as error:
            record.status, record.error = "diverged", str(error)
        except (Interrupted, Claimed):
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            log.exception("task %d failed", task + 1)
            record.status, record.error = "failed", storable(traceback.format_exc(limit=-8))
        else:
            record.status = "finished"
        self._say_how(record, len(record.tasks))
        record.ended = now()
        run_log.ends(record)
        return record

    def _learn(self, task: int, record: RunRecord) -> None:
        """Train one task and evaluate it, those before, and the next one unseen."""
        seed_all(self.spec.data_seed, "task", task)
        self.stopwatch.reset()
        self.old_tasks.begin(earlier=0 if record.lowest_accuracy is None else task)
        started, cpu_before = time.perf_counter(), time.process_time()
        self.strategy.train(self.benchmark.train_stream[task], eval_streams=[])
        trained = time.perf_counter()
        last = self.stream.tasks_of(task, self.plugin.sees)[-1]
        rows = self._evaluate(range(last + 1))
        record.accuracy_matrix[last][: last + 1] = rows.any_class
        if record.accuracy_matrix_task_aware is not None:
            record.accuracy_matrix_task_aware[last][: last + 1] = rows.own_classes
        if record.lowest_accuracy is not None:
            record.lowest_accuracy[last][:task] = self.old_tasks.lowest
        if last + 1 < self.n_tasks and self.predicts_unseen:
            record.forward_accuracy[last + 1] = self._evaluate([last + 1]).any_class[0]
        self._say_how(record, task)
        record.tasks.append(
            TaskRecord(
                train_s=round(
                    trained - started - self.stopwatch.seconds - self.old_tasks.seconds, 3
                ),
                consolidate_s=round(self.stopwatch.seconds, 3),
                eval_s=round(time.perf_counter() - trained + self.old_tasks.seconds, 3),
                cpu_s=round(time.process_time() - cpu_before, 3),
                epochs=self.protocol.epochs_done,
                best_epoch=self.protocol.kept_epoch,
                trainable_parameters=self.stopwatch.trainable,
                state_bytes=self.plugin.state_bytes() + self._raw_bytes(task),
                peak_memory_bytes=peak(self.spec.device),
                ranks=dict(self.plugin.ranks),
                interference=_short(self.plugin.interference),
                interference_bound=_short(self.plugin.interference_bound),
            )
        )

    def _say_how(self, record: RunRecord, task: int) -> None:
        record.environment = moved(record.environment, self.outputs.facts, task=task + 1)

    def _raw_bytes(self, step: int) -> int:
        """Bytes of the images and labels that the harness keeps for a method that sees them."""
        if self.plugin.sees == "task":
            return 0
        return sum(self.stream.data(split, step, self.plugin.sees).nbytes for split in KEPT_SPLITS)

    def _evaluate(self, tasks: Iterable[int]) -> _Accuracies:
        """Accuracy on each of the tasks, leaving every generator as it was."""
        found = _Accuracies()
        with compat.isolated_rng():
            for task in tasks:
                self.strategy.eval(self.benchmark.test_stream[task])
                found.any_class.append(self.accuracy.percent)
                found.own_classes.append(self.accuracy.percent_task_aware)
        return found

    def _on_epoch(self, epoch: Epoch) -> None:
        self.work.add_epoch(epoch)
        self.curves.epoch(epoch)
        if self.notify is not None:
            self.notify(epoch.task, epoch.epoch, self.steps)


def _short(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}
