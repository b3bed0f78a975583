"""GDumb (Prabhu, Torr, Dokania: ECCV 2020)."""

from __future__ import annotations

from typing import Any, ClassVar

from avalanche.training.plugins import GDumbPlugin

from baselines.avalanche_plugin import Stock


class GDumb(Stock):
    """For each task anew: min L over the memory alone, from the first task's initial weights.

    ``mem_size`` samples, balanced over labels, the new task's among them: what a memory is worth
    without any learning in sequence. By Avalanche's GDumbPlugin, with its default.

    Departures. Batches come from Avalanche's loader, equally many samples of every task with the
    smaller ones repeated; the order is not that of the other methods. The memory of a label is a
    random choice, the paper's is first come, first kept and greedy. The paper trains with its own
    schedule and CutMix; here the strategy's protocol decides, which watches the newest task's
    validation data alone. Where each task counts its labels from zero, tasks share them: the
    memory is balanced over label numbers, not over tasks. Avalanche puts a new model in the
    strategy's place; here its weights go into the model that the user has.

    Keeps ``mem_size`` samples of old data and a copy of the untrained model, whatever the number
    of tasks. Not resumable.
    """

    keeps_data: bool = True
    resets_model: ClassVar[bool] = True

    def __init__(self, *, mem_size: int = 200) -> None:
        if mem_size < 1:
            raise ValueError(f"mem_size = {mem_size} must be at least 1")
        super().__init__(GDumbPlugin(mem_size))

    def before_train_dataset_adaptation(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        model = strategy.model
        super().before_train_dataset_adaptation(strategy, *args, **kwargs)
        if strategy.model is not model:
            model.load_state_dict(strategy.model.state_dict())
            strategy.model = model

    def after_train_dataset_adaptation(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        super().after_train_dataset_adaptation(strategy, *args, **kwargs)
        tasks = len(set(strategy.adapted_dataset.targets_task_labels))
        if tasks > strategy.train_mb_size:
            raise ValueError(
                f"batches of {strategy.train_mb_size} are too small for gdumb, whose batches have "
                f"samples of all {tasks} tasks: give a larger batch size"
            )
