"""Training without any protection: what forgets, and what could have been reached."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from torch import nn

from ness.class_rows import ClassRows
from ness.task_plugin import TaskPlugin


class Naive(TaskPlugin):
    """Fine-tuning: every task trains the whole model from where the last one left it.

    Keeps nothing between tasks.
    """

    def __init__(self) -> None:
        super().__init__()

    def check_model(self, model: nn.Module, *, task_incremental: bool) -> None:
        """Any model will do."""

    def _class_rows(self, strategy: Any) -> dict[str, ClassRows]:
        return {}  # nothing is frozen, so the head need not be known


class Joint(Naive):
    """Training on all tasks together, once: the upper bound of a continual learner.

    Batches mix all tasks' samples in one random order, each through its own head. The
    accuracy matrix has a last row alone.

    Departures. Avalanche's JointTraining fills every batch with equal parts of all tasks and
    repeats the samples of the smaller ones; here each sample comes once an epoch.

    Keeps all data.
    """

    sees: ClassVar[Literal["task", "seen", "all"]] = "all"
    keeps_data: bool = True


class Cumulative(Naive):
    """Each task trains on the data of all tasks so far, from where the last one left the model.

    Joint training in steps: row t of its accuracy matrix is what a learner with all the data
    up to task t would reach, the reference of intransigence (Chaudhry, Dokania, Ajanthan, Torr:
    ECCV 2018, arXiv 1801.10112).

    Departures. The weights go on from task to task and are not drawn anew. The data is mixed
    by the benchmark runner, which reads ``sees``; in another pipeline this plugin does nothing.

    Keeps all data of the tasks so far.
    """

    sees: ClassVar[Literal["task", "seen", "all"]] = "seen"
    keeps_data: bool = True
