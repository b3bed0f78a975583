"""A run's curves in TensorBoard or W&B, through Avalanche's loggers; they decide no number.

Steps are epochs, counted over all tasks of the run. At each: ``loss/train``, ``loss/valid``,
``lr``, ``task``. At the last of each task: ``accuracy/task_01`` (percent) of every task evaluated,
and ``rank/<layer>`` and ``interference/<layer>``.

The loggers are handed these values here, not by the `EvaluationPlugin`: there a logger that fails
ends the run, and is called twice an iteration for nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from avalanche.evaluation.metric_results import MetricValue
from avalanche.logging import TensorboardLogger, WandBLogger
from torch.utils.tensorboard import SummaryWriter

from benchmarks.errors import BadInput, nearest, one_line
from benchmarks.protocol import Epoch
from benchmarks.records import RunRecord
from benchmarks.spec import RunSpec
from benchmarks.workdir import WorkDir
from ness import compat

log = logging.getLogger(__name__)


class Tensorboard(TensorboardLogger):
    """Avalanche's logger, going on behind ``epochs_done`` epochs.

    TensorBoard drops what a killed attempt wrote beyond them; Avalanche has no argument for that.
    """

    def __init__(self, spec: RunSpec, work: WorkDir, epochs_done: int) -> None:
        self.epochs_done = epochs_done
        super().__init__(work.folder / "tensorboard")

    def _make_writer(self, tb_log_dir: Any, filename_suffix: str) -> SummaryWriter:
        return SummaryWriter(
            tb_log_dir, filename_suffix=filename_suffix, purge_step=self.epochs_done + 1
        )

    def flush(self) -> None:
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


class WandB(WandBLogger):
    """Avalanche's logger with a run of its own in each process, under the id of ours.

    W&B ignores steps that it has already: those of a task that is trained again.
    """

    def __init__(self, spec: RunSpec, work: WorkDir, epochs_done: int) -> None:
        import wandb

        super().__init__(
            project_name=os.environ.get("WANDB_PROJECT", "ness-cl"),
            run_name=f"{spec.strategy} seed {spec.seed}",
            save_code=False,
            config=spec.model_dump(mode="json"),
            dir=work.folder,
            params={
                "id": spec.id,
                "resume": "allow",
                "group": spec.stream,
                "reinit": "finish_previous",
                # Its own words would run into the lines of the sweep.
                "settings": wandb.Settings(console="off", silent=True),
            },
        )

    def log_single_metric(self, name: str, value: float, x_plot: int) -> None:
        """A number. Avalanche's own method looks for ``wandb.viz``, which is no more."""
        self.step = x_plot
        self.wandb.log({name: value}, step=x_plot)

    def flush(self) -> None:
        """W&B writes as it goes."""

    def close(self) -> None:
        self.wandb.finish()


KINDS: dict[str, type[Tensorboard | WandB]] = {"tensorboard": Tensorboard, "wandb": WandB}


def check(kinds: Sequence[str]) -> None:
    """Raise `BadInput` for a tracker that is unknown, not installed or not logged in."""
    for kind in kinds:
        if kind not in KINDS:
            raise BadInput(f"--log {kind}: {nearest(kind, KINDS)}")
        if find_spec(kind) is None:
            raise BadInput(f"--log {kind}: {kind} is not installed; `pip install {kind}`")
    if "wandb" in kinds and os.environ.get("WANDB_MODE") not in ("offline", "disabled", "dryrun"):
        import wandb

        # Asked for in the middle of a sweep it would wait for an answer.
        if not wandb.login(prompt=False):
            raise BadInput("--log wandb: not logged in; `wandb login`, or set WANDB_MODE=offline")


class Curves:
    """Sends what a run measures to its trackers.

    One that fails is named in the run's log and left out from then on: it is not worth a run.
    Random numbers that a tracker draws are not missed by the run.
    """

    def __init__(self, kinds: Sequence[str], spec: RunSpec, work: WorkDir) -> None:
        self.kinds, self.spec, self.work = kinds, spec, work
        self.step = 0
        self._open: list[Tensorboard | WandB] = []

    @contextmanager
    def of(self, record: RunRecord) -> Iterator[None]:
        """Track a run that goes on behind ``record``."""
        self.step = sum(task.epochs for task in record.tasks)
        try:
            for kind in self.kinds:
                self._guarded(kind, partial(self._start, kind))
            yield
        finally:
            for tracker in [*self._open]:
                self._guarded(type(tracker).__name__, tracker.close)

    def epoch(self, epoch: Epoch) -> None:
        """An epoch has been trained."""
        self.step += 1
        values = {"loss/train": epoch.train_loss, "loss/valid": epoch.valid_loss, "lr": epoch.lr}
        self._send(values | {"task": epoch.task + 1})

    def task(self, record: RunRecord) -> None:
        """A task has been evaluated, the last of the record."""
        row = next(row for row in reversed(record.accuracy_matrix) if _evaluated(row))
        named = {f"accuracy/task_{j:02}": value for j, value in enumerate(row, start=1)}
        done = record.tasks[-1]
        ranks = {f"rank/{layer}": rank for layer, rank in done.ranks.items()}
        felt = {f"interference/{layer}": value for layer, value in done.interference.items()}
        self._send({name: value for name, value in named.items() if value is not None})
        self._send(ranks | felt)
        for tracker in [*self._open]:
            self._guarded(type(tracker).__name__, tracker.flush)

    def _start(self, kind: str) -> None:
        self._open.append(KINDS[kind](self.spec, self.work, self.step))

    def _send(self, values: Mapping[str, float]) -> None:
        metrics = [MetricValue(self, name, value, self.step) for name, value in values.items()]
        for tracker in [*self._open]:
            if not self._guarded(type(tracker).__name__, partial(tracker.log_metrics, metrics)):
                self._open.remove(tracker)

    def _guarded(self, name: str, do: Callable[[], Any]) -> bool:
        try:
            with compat.isolated_rng():
                do()
        except Exception as error:
            log.warning("%s failed (%s); going on without", name, one_line(error)[:200])
            return False
        return True


def _evaluated(row: Sequence[float | None]) -> bool:
    return any(value is not None for value in row)
