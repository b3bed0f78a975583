"""One bias-free head a task, and the net that has them on a shared trunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from avalanche.models import MultiHeadClassifier, MultiTaskModule
from torch import Tensor, nn


class TaskHeads(MultiHeadClassifier):
    """One bias-free Linear a task, all made at the start; outputs have the task's classes only.

    Avalanche's own makes heads while it evaluates (which draws random numbers), gives them a
    bias that the papers' nets do not have, and pads smaller heads with zero logits that
    enter the softmax (docs: avalanche-0.6, pitfalls 3, 9, 10).
    """

    def __init__(self, in_features: int, heads: Sequence[int]) -> None:
        MultiTaskModule.__init__(self)
        self.in_features, self.masking = in_features, False
        self.max_class_label = max(heads)
        self.classifiers = nn.ModuleDict(
            {str(task): nn.Linear(in_features, n, bias=False) for task, n in enumerate(heads)}
        )

    def adaptation(self, experience: Any) -> None:
        """No head is ever added; raises `ValueError` for a task without one."""
        for label in set(experience.task_labels):
            if str(label) not in self.classifiers:
                raise ValueError(
                    f"task {label} has no head: the net was built for {len(self.classifiers)} tasks"
                )
            if self.training:
                self.known_train_tasks_labels.add(label)

    def forward(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Logits (n, classes of the task); a batch of several tasks is padded to the widest.

        The padding is the lowest number of the dtype: no probability, never the largest.
        """
        present = task_labels.unique().tolist()
        if len(present) == 1:
            return self.forward_single_task(x, present[0])
        out = x.new_full((len(x), self.max_class_label), torch.finfo(x.dtype).min)
        for task in present:
            members = task_labels == task
            logits = self.forward_single_task(x[members], task)
            out[members, : logits.shape[1]] = logits
        return out

    def forward_single_task(self, x: Tensor, task_label: int) -> Tensor:
        """Logits of one head."""
        logits: Tensor = self.classifiers[str(task_label)](x)
        return logits


class MultiHeadNet(MultiTaskModule):
    """A trunk shared by all tasks (`features`) under one head a task."""

    heads: TaskHeads

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """The trunk: inputs (n, *input_shape) of tasks (n,) to features (n, d).

        The tasks are there for norm layers that keep statistics of each.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, task_labels: Tensor | None) -> Any:
        """Logits of the samples' own heads; without labels a dict of those of all heads trained.

        The second is Avalanche's convention, and its LwF relies on it.
        """
        if task_labels is None:
            return self.forward_all_tasks(x)
        logits: Tensor = self.heads(self.features(x, task_labels), task_labels)
        return logits

    def forward_single_task(self, x: Tensor, task_label: int) -> Tensor:
        """Logits of one head for all samples."""
        task_labels = torch.full((len(x),), task_label, device=x.device)
        return self.heads.forward_single_task(self.features(x, task_labels), task_label)
