"""Riemannian Walk (Chaudhry, Dokania, Ajanthan, Torr: ECCV 2018, arXiv 1801.10112)."""

from __future__ import annotations

from typing import Any, ClassVar

from avalanche.training.plugins import RWalkPlugin

from baselines.avalanche_plugin import Stock


class RWalk(Stock):
    """L + ``ewc_lambda`` * sum_i (F_i + s_i) (w_i - w*_i)^2, by Avalanche's RWalkPlugin.

    F is a moving average of squared batch gradients over iterations, weight ``ewc_alpha`` for the
    newest; s_i is what moving w_i did for the loss over the length of its way in the metric F,
    summed every ``delta_t`` iterations and halved with each further task (paper, equations 6 to
    8). Both are scaled to at most 1. Defaults are Avalanche's.

    Departures. Where the protocol restores the best epoch's weights, the path still counts the
    epochs that were discarded. The paper also replays a few samples where there is one head;
    nothing is replayed here. F squares the mean gradient of a batch, not those of samples.
    Parameters that appear after task 1 are never penalised. Avalanche's plugin switches the model
    to eval mode at each iteration and leaves it there, so that BatchNorm and dropout never train;
    here it is switched back. It also fails on heads made after it looked first, and is made to
    look again.

    Keeps an importance, a score, a penalty and a value, and five working tensors, per parameter,
    whatever the number of tasks; no data.
    """

    resumable: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = (
        "iter_importance",
        "exp_scores",
        "exp_params",
        "exp_importance",
        "exp_penalties",
    )

    def __init__(
        self, *, ewc_lambda: float = 0.1, ewc_alpha: float = 0.9, delta_t: int = 10
    ) -> None:
        if ewc_lambda < 0 or not 0 <= ewc_alpha <= 1 or delta_t < 1:
            raise ValueError(
                f"ewc_lambda = {ewc_lambda}, ewc_alpha = {ewc_alpha}, delta_t = {delta_t}: give "
                f"ewc_lambda >= 0, ewc_alpha between 0 and 1, delta_t at least 1"
            )
        super().__init__(RWalkPlugin(ewc_lambda, ewc_alpha, delta_t))

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        super().before_training_exp(strategy, *args, **kwargs)
        self.inner.before_training(strategy)

    def before_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        super().before_training_iteration(strategy, *args, **kwargs)
        strategy.model.train()

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        super().after_training_exp(strategy, *args, **kwargs)
        if not all(penalty.data.isfinite().all() for penalty in self.inner.exp_penalties.values()):
            raise ValueError(
                f"delta_t = {self.inner.delta_t}: task {self.tasks_done} ended before a score was "
                f"taken; choose delta_t below the iterations of a task"
            )
