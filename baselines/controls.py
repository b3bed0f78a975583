"""Controls: what a method scores without the part that it claims matters."""

from __future__ import annotations

from typing import Any

from ness.task_plugin import TaskPlugin


class Frozen(TaskPlugin):
    """The trunk fixed after task 1, heads alone train: the floor of every null-space method.

    A null-space method whose layers have all come out with rank 0 scores exactly this, and
    this forgets nothing. Keeps nothing between tasks.
    """

    def begin_task(self, strategy: Any) -> None:
        if self.tasks_done > 0:
            self.ranks = dict.fromkeys(self.layers(strategy.model), 0)
            self.train_only(strategy, [])
