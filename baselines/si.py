"""Synaptic Intelligence (Zenke, Poole, Ganguli: ICML 2017, arXiv 1703.04200)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from avalanche.training.plugins import SynapticIntelligencePlugin
from avalanche.training.utils import ParamData

from baselines.avalanche_plugin import Stock


class SI(Stock):
    """L + ``si_lambda`` / 2 * sum_i Omega_i (w_i - w*_i)^2, by Avalanche's plugin.

    Omega_i = sum over tasks of -sum_steps g_i dw_i / (D_i^2 + ``eps``): what moving w_i did for
    the loss over the square of the way D_i that it went in the task.

    Defaults: ``eps`` is Avalanche's, ``si_lambda`` that of its continual-learning-baselines for
    split MNIST. Omega is cut at 0.001 (below), so that 1 changes little: tune it.

    Departures. Where the protocol restores the best epoch's weights, the path still counts the
    epochs that were discarded. As in Maltoni & Lomonaco (2019, arXiv 1806.08568) Omega is cut at
    0.001, from above alone: it can be negative, where the paper has none. g is the gradient of
    the whole loss, penalty included, where the paper's is the task's alone. Parameters of
    BatchNorm layers are left out by a test of names that holds for layers at the root of the
    model alone. On the CPU Avalanche's plugin takes views of the weights for copies of them,
    finds dw = 0 and never penalises anything; `_Copying` mends that.

    Keeps an importance, its sum before the cut, a value and three working tensors (on a GPU four)
    per parameter, whatever the number of tasks; no data.
    """

    resumable: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("ewc_data", "syn_data")

    def __init__(self, *, si_lambda: float = 1.0, eps: float = 1e-7) -> None:
        if si_lambda < 0 or eps <= 0:
            raise ValueError(
                f"si_lambda = {si_lambda}, eps = {eps}: give si_lambda >= 0 and eps above 0"
            )
        super().__init__(_Copying(si_lambda, eps))


class _Copying(SynapticIntelligencePlugin):
    """Avalanche's plugin with copies where it means to have copies: ``p.detach().cpu().flatten()``
    is a view of p where p is on the CPU, and what was to be the weights before a step moves on
    with them."""

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_exp(strategy, **kwargs)
        _detach(self.ewc_data[0].values())

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_iteration(strategy, **kwargs)
        _detach(self.syn_data["old_theta"].values())


def _detach(values: Iterable[ParamData]) -> None:
    for value in values:
        value.data = value.data.clone()
