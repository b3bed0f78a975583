"""Learning without Forgetting (Li, Hoiem: ECCV 2016, arXiv 1606.09282)."""

from __future__ import annotations

from avalanche.training.plugins import LwFPlugin

from baselines.avalanche_plugin import Stock


class LwF(Stock):
    """L + ``alpha`` * sum_heads KL(softmax(z_old / T) || softmax(z / T)), by Avalanche's LwFPlugin.

    z and z_old are the outputs of the model and of its copy from the end of the last task, on
    the new task's batch, for the classes seen so far; T is ``temperature``. With one head a task
    all earlier heads are distilled. Defaults are Avalanche's; T = 2 is the paper's.

    Departures. No warm-up in which the new head trains alone. The term is not multiplied by T^2.
    The copy stays in training mode: BatchNorm in it normalises by the new task's batches. The
    benchmark's nets run twice a batch, and running statistics move twice; nets that leave
    ``forward_all_tasks`` to Avalanche run once more for every head.

    Keeps a copy of the model, whatever the number of tasks; no data. Not resumable.
    """

    def __init__(self, *, alpha: float = 1.0, temperature: float = 2.0) -> None:
        if alpha < 0 or temperature <= 0:
            raise ValueError(
                f"alpha = {alpha}, temperature = {temperature}: give alpha >= 0 and a temperature "
                f"above 0"
            )
        super().__init__(LwFPlugin(alpha, temperature))
