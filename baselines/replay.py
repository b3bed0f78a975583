"""Experience replay (Chaudhry et al.: On tiny episodic memories, 2019, arXiv 1902.10486)."""

from __future__ import annotations

from typing import Literal

from avalanche.training.plugins import ReplayPlugin
from avalanche.training.storage_policy import (
    ClassBalancedBuffer,
    ExperienceBalancedBuffer,
    ReservoirSamplingBuffer,
)

from baselines.avalanche_plugin import Stock

STORAGE = {
    "experience": ExperienceBalancedBuffer,
    "class": ClassBalancedBuffer,
    "reservoir": ReservoirSamplingBuffer,
}


class Replay(Stock):
    """L over batches half of new and half of kept samples, by Avalanche's ReplayPlugin.

    Every batch is that of the task with ``batch_size_mem`` samples of the memory appended (as
    many as the batch has, if None; fewer where a pass over the memory ends). The memory holds
    ``mem_size`` samples in all, chosen at random and shared out equally over tasks (``storage =
    "experience"``), over labels (``"class"``), or not at all (``"reservoir"``). Defaults are
    Avalanche's.

    Departures. From task 2 on batches come from Avalanche's loader: new samples in an order that
    is not that of the other methods. The paper passes over the stream once and fills the memory
    while it trains; Avalanche fills it when a task ends. The loss is the mean over the joint
    batch. Under ``class`` labels are told apart by number: where each task counts from zero,
    tasks share them.

    Keeps ``mem_size`` samples of old data, whatever the number of tasks. Not resumable.
    """

    keeps_data: bool = True

    def __init__(
        self,
        *,
        mem_size: int = 200,
        batch_size_mem: int | None = None,
        storage: Literal["experience", "class", "reservoir"] = "experience",
    ) -> None:
        if mem_size < 1 or (batch_size_mem is not None and batch_size_mem < 1):
            raise ValueError(
                f"mem_size = {mem_size}, batch_size_mem = {batch_size_mem}: both must be at least 1"
            )
        if storage not in STORAGE:
            raise ValueError(f"storage = {storage!r} is unknown; choose {', '.join(STORAGE)}")
        super().__init__(
            ReplayPlugin(
                mem_size, batch_size_mem=batch_size_mem, storage_policy=STORAGE[storage](mem_size)
            )
        )
