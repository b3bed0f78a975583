"""Controls: what a method scores without the part that it claims matters."""

from __future__ import annotations

from typing import Any

from ness.task_plugin import TaskPlugin


class Frozen(TaskPlugin):
    """The trunk fixed after task 1, heads alone train: the floor of every null-space method.

    A null-space method whose layers have all come out with rank 0 scores exactly this, and
    this forgets nothing, but where one head serves all tasks and classes come again: that head
    goes on training freely.

    Keeps nothing between tasks.
    """

    def begin_task(self, strategy: Any) -> None:
        if self.tasks_done > 0:
            layers = self.layers(strategy.model)
            self.ranks = {name: 0 for name in layers if name not in self.rows}
            self.train_only(strategy, [p for name in self.rows for p in layers[name].parameters()])
