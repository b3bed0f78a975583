"""One run: a spec in, a record out, with a checkpoint after every task."""

from __future__ import annotations

import copy
import logging
import resource
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from avalanche.core import SupervisedPlugin
from avalanche.logging import BaseLogger
from avalanche.training.plugins import EvaluationPlugin

import baselines
from benchmarks import environment, streams
from benchmarks.backbones import BACKBONES, MultiHeadNet
from benchmarks.claims import claim
from benchmarks.errors import BadInput
from benchmarks.loading import StreamStrategy
from benchmarks.protocol import Diverged, Epoch, Protocol
from benchmarks.records import RunRecord, TaskRecord, record_path
from benchmarks.seeds import derive
from benchmarks.spec import OptimizerSpec, RunSpec
from benchmarks.streams.stream import SPLITS, Context, Stream
from benchmarks.task_statistics import TaskStatistics
from benchmarks.workdir import WorkDir, now, read_or_set_aside
from ness import compat
from ness.task_plugin import TaskPlugin

log = logging.getLogger(__name__)

Notify = Callable[[int, int, int], None]
"""Called after every epoch with (task, epoch, number of tasks to train)."""


def run(
    spec: RunSpec,
    out: Path,
    *,
    data_dir: Path | None = None,
    notify: Notify | None = None,
    retry: frozenset[str] = frozenset(),
) -> RunRecord:
    """Run a spec, or go on after its last finished task, and write its record.

    A spec that has a record already is not run again, unless its status is in ``retry``. A run
    that fails or diverges is a record too. Raises `benchmarks.claims.Claimed` while another
    process works on the same run, and `KeyboardInterrupt` on Ctrl-C: the checkpoint stays and
    the next call goes on from it.
    """
    work = WorkDir(out, spec.id)
    with claim(work.claim), work.logging(), _deterministic(spec.threads):
        # Looked for under the claim: another sweep may have written it since this one looked.
        done = read_or_set_aside(record_path(out, spec.stream, spec.strategy, spec.id))
        work.clean(keep_checkpoint=done is None or done.status in retry)
        if done is not None and done.status not in retry:
            return done
        work.event("start")
        status = "interrupted"
        try:
            record = _Run(spec, work, data_dir, notify).execute()
            record.write(out)
            work.clean(keep_checkpoint=record.status == "failed")
            status = record.status
        finally:
            work.event("end", status=status)
    return record


def check(spec: RunSpec, data_dir: Path | None = None) -> None:
    """Raise `BadInput` for a spec that cannot run, before anything is trained."""
    stream = load_stream(spec, data_dir)
    model = build_model(spec, stream)
    plugin = baselines.load(spec.strategy)(**spec.strategy_args)
    if stream.scenario not in plugin.scenarios:
        raise BadInput(
            f"strategy {spec.strategy!r} does not support {stream.scenario!r}; it supports "
            f"{', '.join(sorted(plugin.scenarios))}"
        )
    _check_batches(spec, stream, model)
    if spec.device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device = 'cuda' but torch sees no GPU here; set device = 'cpu'")
    try:
        plugin.check_model(model, task_incremental=stream.scenario == "til")
    except ValueError as error:
        raise BadInput(f"strategy.{spec.strategy}: {error}") from error


def _check_batches(spec: RunSpec, stream: Stream, model: torch.nn.Module) -> None:
    """Batch norm cannot normalise a batch of one, nor say so before it meets one."""
    if not any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        return
    for key in ("batch_size", "eval_batch_size"):
        if getattr(spec.protocol, key) == 1:
            raise BadInput(f"protocol.{key} = 1: {spec.backbone} has batch norm, give at least 2")
    for number, task in enumerate(stream.tasks, start=1):
        for split in SPLITS:
            if len(getattr(task, split)) == 1:
                raise BadInput(
                    f"the {split} split of task {number} has one image and {spec.backbone} has "
                    f"batch norm: change stream_args so that it has two"
                )


def load_stream(spec: RunSpec, data_dir: Path | None) -> Stream:
    """The stream of a spec."""
    seed = spec.class_order_seed if spec.class_order == "per_seed" else None
    context = Context(data_dir=data_dir, class_order_seed=seed)
    return streams.STREAMS[spec.stream](**spec.stream_args, context=context)


def build_model(spec: RunSpec, stream: Stream) -> MultiHeadNet:
    """The backbone with the initial weights of ``init_seed``.

    Seeded here, after the stream: Avalanche's stream builders reset the global generator.
    """
    torch.manual_seed(derive(spec.init_seed, "init"))
    try:
        return BACKBONES[spec.backbone](
            **spec.backbone_args, heads=stream.heads, input_shape=stream.input_shape
        )
    except (ValueError, RuntimeError, MemoryError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"backbone {spec.backbone!r}: {reason}; change backbone_args") from error


def build_optimizer(spec: OptimizerSpec, model: torch.nn.Module) -> torch.optim.Optimizer:
    """The optimiser of a spec over all parameters of a model."""
    parameters = list(model.parameters())
    if spec.name == "sgd":
        return torch.optim.SGD(
            parameters, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay
        )
    kind = torch.optim.Adam if spec.name == "adam" else torch.optim.AdamW
    return kind(parameters, lr=spec.lr, weight_decay=spec.weight_decay)


class _Run:
    """The state of one run between its tasks."""

    def __init__(
        self, spec: RunSpec, work: WorkDir, data_dir: Path | None, notify: Notify | None
    ) -> None:
        self.spec, self.work, self.notify = spec, work, notify
        self.stream = load_stream(spec, data_dir)
        self.model = build_model(spec, self.stream)
        self.plugin: TaskPlugin = baselines.load(spec.strategy)(**spec.strategy_args)
        self.joint = self.plugin.joint
        self.protocol = Protocol(spec.protocol, seed=spec.data_seed, on_epoch=self._on_epoch)
        self.stopwatch, self.accuracy = _Stopwatch(), _Accuracy()
        self.strategy = StreamStrategy(
            stream=self.stream,
            joint=self.joint,
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
        self.benchmark = self.stream.benchmark(joint=self.joint)
        self.n_tasks = len(self.stream.tasks)
        self.steps = 1 if self.joint else self.n_tasks

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
        torch.manual_seed(derive(self.spec.data_seed, "task", task))
        self.stopwatch.reset()
        started = time.perf_counter()
        self.strategy.train(self.benchmark.train_stream[task], eval_streams=[])
        trained = time.perf_counter()
        last = self.n_tasks - 1 if self.joint else task
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
                state_bytes=self.plugin.state_bytes(),
                peak_memory_bytes=_peak_memory(self.spec.device),
                ranks=dict(self.plugin.ranks),
                interference=_short(self.plugin.interference),
                interference_bound=_short(self.plugin.interference_bound),
            )
        )

    def _evaluate(self, tasks: Any) -> list[float | None]:
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
        state = self.work.load_checkpoint()
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


class _Stopwatch(SupervisedPlugin[Any]):
    """Seconds that pass between its two places in the plugin list: those of the method."""

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Start a task."""
        self.seconds, self.trainable = 0.0, 0
        self._since: float | None = None

    def _tick(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._since
            self._since = None

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._tick()
        # The second time round the method has frozen what it freezes.
        experience = strategy.experience
        labels = {str(label) for label in set(experience.task_labels)}
        heads = strategy.model.heads.classifiers
        idle = {id(p) for key in heads if key not in labels for p in heads[key].parameters()}
        self.trainable = sum(
            p.numel() for p in strategy.model.parameters() if p.requires_grad and id(p) not in idle
        )

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._tick()


class _Accuracy(SupervisedPlugin[Any]):
    """Test accuracy of one experience: Avalanche's stream metrics mean something else."""

    percent: float

    def before_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._correct, self._samples = 0, 0

    def after_eval_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._correct += int((strategy.mb_output.argmax(1) == strategy.mb_y).sum())
        self._samples += len(strategy.mb_y)

    def after_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.percent = 100 * self._correct / self._samples


@contextmanager
def _deterministic(threads: int) -> Iterator[None]:
    """``threads`` torch threads and deterministic algorithms inside, the old settings after.

    Gradients of convolutions differ between one thread and two.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


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
