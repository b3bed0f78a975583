"""Training from scratch: what a task's own data is worth, without what was learnt before it."""

from __future__ import annotations

from typing import ClassVar

from avalanche.training.plugins import FromScratchTrainingPlugin

from baselines.avalanche_plugin import Stock


class FromScratch(Stock):
    """w <- w_0 before each task: the diagonal of its matrix is learning without transfer.

    w_0 are the weights before the first task, those of all heads included, by Avalanche's
    FromScratchTrainingPlugin. Compared with `naive` it tells transfer from forgetting.

    Departures. There is no paper. Buffers are not reset: running statistics of BatchNorm go on
    from the last task. The optimiser starts afresh, as under every strategy here.

    Keeps the initial weights, whatever the number of tasks; no data.
    """

    resumable: ClassVar[bool] = True
    resets_model: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("initial_weights",)

    def __init__(self) -> None:
        super().__init__(FromScratchTrainingPlugin(reset_optimizer=False))
