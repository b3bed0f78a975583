"""NESS under sharpness-aware minimisation: the paper's NESS-SAM (arXiv 2602.21919)."""

from __future__ import annotations

from typing import Any

from ness import compat
from ness.plugin import NESSPlugin
from ness.sam import SAMPlugin, SAMTasks


class NESSSAM(NESSPlugin):
    """NESS whose steps follow the gradient at w + rho * g / ||g||, see `ness.sam.SAMPlugin`.

    ``sam_tasks``: ``"first"`` in task 1 alone, ``"all"`` when U is trained too. The other
    arguments are those of `ness.plugin.NESSPlugin`.

    Departures. ``"first"`` is what the authors' code does in all three of its scripts, whether
    their paper says so is not known to us. Theirs drops the momentum that their NESS has; here
    the optimiser is the spec's. Their CIFAR-100 script stops at an undefined weight decay.

    Keeps what NESS keeps: M, (d, d) float64 a layer; no data.
    """

    def __init__(
        self, *, rho: float = 0.05, sam_tasks: SAMTasks = "first", **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.sam = SAMPlugin(rho=rho, sam_tasks=sam_tasks)

    def before_training(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        compat.put_first(strategy, self.sam)

    def begin_task(self, strategy: Any) -> None:
        self.sam.tasks_done = self.tasks_done
        super().begin_task(strategy)
