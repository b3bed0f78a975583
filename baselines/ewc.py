"""EWC (Kirkpatrick et al.: Overcoming catastrophic forgetting, PNAS 2017, arXiv 1612.00796)."""

from __future__ import annotations

from typing import ClassVar, Literal

from avalanche.training.plugins import EWCPlugin

from baselines.avalanche_plugin import Stock


class EWC(Stock):
    """L + ``ewc_lambda`` * sum_t sum_i F_t,i (w_i - w*_t,i)^2, by Avalanche's EWCPlugin.

    ``mode = "separate"``: a term a task, as in the paper. ``mode = "online"``: one term about
    the latest weights with F <- ``decay_factor`` * F + F_t (Schwarz et al.: Progress &
    Compress, ICML 2018, arXiv 1805.06370), and ``decay_factor`` must be given.

    ``ewc_lambda = 1`` is that of Avalanche's continual-learning-baselines for permuted MNIST; what
    suits depends on the batch size (below), and 1 may well change nothing: tune it.

    Departures. The paper's penalty is lambda / 2, Avalanche's lambda. F is the square of a
    batch's mean gradient, averaged over the batches of the training data in stored order: not
    that of single samples, so it shrinks with the batch size. It takes the true labels (the
    empirical Fisher information), where the paper samples the model's own. Parameters that
    appear after a task are not in its term.

    Keeps an importance and a value per parameter, heads included: for each task under
    ``separate`` (grows with the tasks), once under ``online``; no data.
    """

    resumable: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("saved_params", "importances")

    def __init__(
        self,
        *,
        ewc_lambda: float = 1.0,
        mode: Literal["separate", "online"] = "separate",
        decay_factor: float | None = None,
    ) -> None:
        if ewc_lambda < 0:
            raise ValueError(f"ewc_lambda = {ewc_lambda} must be at least 0")
        if mode not in ("separate", "online"):
            raise ValueError(f"mode = {mode!r} is unknown; choose separate or online")
        if mode == "separate" and decay_factor is not None:
            raise ValueError(
                f"decay_factor = {decay_factor} has no meaning under separate; drop it"
            )
        if mode == "online" and (decay_factor is None or not 0 <= decay_factor <= 1):
            raise ValueError(
                f"decay_factor = {decay_factor} must lie between 0 and 1 under mode = 'online', "
                f"for example 0.9"
            )
        super().__init__(EWCPlugin(ewc_lambda, mode, decay_factor))
