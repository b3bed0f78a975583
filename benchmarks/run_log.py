"""The story of a run in ``work/<id>/log``: what it is, where it runs, how each task went."""

from __future__ import annotations

import json
import logging
import os

from benchmarks.environment import latest
from benchmarks.errors import last_line
from benchmarks.records import RunRecord

log = logging.getLogger(__name__)


def begins(record: RunRecord) -> None:
    """The whole spec, and the place: every attempt says it anew."""
    here = latest(record.environment)
    log.info("run %s: %s", record.id, json.dumps(record.spec))
    log.info("process %d in %s", os.getpid(), json.dumps(here))


def task_begins(task: int, tasks: int) -> None:
    """Task ``task``, from 0, is about to be trained."""
    log.info("task %d of %d begins", task + 1, tasks)


def task_ends(record: RunRecord) -> None:
    """The last task of the record: epochs, seconds, and the accuracies after it (percent)."""
    done = record.tasks[-1]
    rows = [row for row in record.accuracy_matrix if any(value is not None for value in row)]
    accuracies = " ".join("-" if value is None else f"{value:.2f}" for value in rows[-1])
    log.info(
        "task %d ends: %d epochs, weights of epoch %s; %.1f s training, %.1f s method, "
        "%.1f s evaluation, %.1f s CPU; accuracy %s",
        len(record.tasks),
        done.epochs,
        done.best_epoch,
        done.train_s,
        done.consolidate_s,
        done.eval_s,
        done.cpu_s or 0.0,
        accuracies,
    )


def ends(record: RunRecord) -> None:
    """How the run ended."""
    log.info("%s%s", record.status, f": {last_line(record.error)}" if record.error else "")
