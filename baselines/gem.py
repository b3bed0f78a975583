"""GEM (Lopez-Paz, Ranzato: Gradient episodic memory, NeurIPS 2017, arXiv 1706.08840)."""

from __future__ import annotations

from typing import ClassVar

import qpsolvers
from avalanche.training.plugins import GEMPlugin

from baselines.avalanche_plugin import Stock


class GEM(Stock):
    """min ||g' - g||^2 so that g' . g_k >= 0 for all earlier tasks k: Avalanche's GEMPlugin.

    g_k is the gradient on the memory of task k. Solved in its dual, g' = G^T v + g with v >=
    ``memory_strength`` (paper, section 3, equations 8 to 11). Defaults are the paper's and its
    code's for CIFAR-100. Needs quadprog, from the extra ``gem``.

    Departures. The memory is a random part of a task, not its last samples. The optimiser sees
    the projected gradient: momentum and weight decay act after it. Costs a backward pass a past
    task and iteration.

    Keeps ``patterns_per_experience`` samples of old data a task: grows with the tasks.
    """

    resumable: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("memory_x", "memory_y", "memory_tid")
    keeps_data: bool = True

    def __init__(self, *, patterns_per_experience: int = 256, memory_strength: float = 0.5) -> None:
        if patterns_per_experience < 1 or memory_strength < 0:
            raise ValueError(
                f"patterns_per_experience = {patterns_per_experience}, memory_strength = "
                f"{memory_strength}: give at least 1 and at least 0"
            )
        if "quadprog" not in qpsolvers.available_solvers:
            raise ValueError(
                "gem solves a quadratic program in each step and the solver quadprog is not "
                "installed: pip install 'ness-cl[gem]' (or pip install quadprog)"
            )
        super().__init__(GEMPlugin(patterns_per_experience, memory_strength))
