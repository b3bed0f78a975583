"""Bias-free heads, one a task or one for all tasks, and the net that has them on a shared trunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from avalanche.models import MultiHeadClassifier, MultiTaskModule
from torch import Tensor, nn

from benchmarks.backbones.norms import TaskNorm

MASKED = -1000.0
"""The logit of a class that was not trained yet: that of Avalanche's IncrementalClassifier."""


class TaskHeads(MultiHeadClassifier):
    """One bias-free Linear a task, all made at the start; outputs have the task's classes only.

    With a single head for all tasks the task label is 0 throughout. `mask_unseen` is for heads
    that get new classes with every task.

    Avalanche's own makes heads while it evaluates (which draws random numbers), gives them a
    bias that the papers' nets do not have, and pads smaller heads with zero logits that
    enter the softmax (docs: avalanche-0.6, pitfalls 3, 9, 10).
    """

    def __init__(self, in_features: int, heads: Sequence[int]) -> None:
        MultiTaskModule.__init__(self)
        self.in_features, self.masking = in_features, False
        self.max_class_label = max(heads)
        self.seen_classes: Tensor | None
        self.register_buffer("seen_classes", None)
        self.classifiers = nn.ModuleDict(
            {str(task): nn.Linear(in_features, n, bias=False) for task, n in enumerate(heads)}
        )

    def mask_unseen(self) -> None:
        """From now on give classes that were not trained yet the logit `MASKED`.

        A single head alone: its rows are all made at the start, and an untrained row must neither
        win nor enter the softmax. Which classes were trained is a buffer, so that a checkpoint
        has it. An untrained row gets no gradient; weight decay of the optimiser still shrinks it.
        """
        if len(self.classifiers) != 1:
            raise ValueError(
                f"{len(self.classifiers)} heads: only a single head has unseen classes"
            )
        self.seen_classes = torch.zeros(self.max_class_label, dtype=torch.bool)

    def adaptation(self, experience: Any) -> None:
        """No head is ever added; raises `ValueError` for a task without one.

        In training the classes of the experience count as seen, and those before it in its stream:
        a method may have put the untrained net in its place.
        """
        for label in set(experience.task_labels):
            if str(label) not in self.classifiers:
                raise ValueError(
                    f"task {label} has no head: the net was built for {len(self.classifiers)} tasks"
                )
            if self.training:
                self.known_train_tasks_labels.add(label)
        if self.seen_classes is not None and self.training:
            self.seen_classes[list(experience.classes_seen_so_far)] = True

    def forward(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Logits (n, classes of the task); a batch of several tasks is padded to the widest.

        The padding is the lowest number of the dtype: no probability, never the largest.
        """
        present = sorted(set(task_labels.tolist()))
        if len(present) == 1:
            return self.forward_single_task(x, present[0])
        out = x.new_full((len(x), self.max_class_label), torch.finfo(x.dtype).min)
        for task in present:
            members = task_labels == task
            logits = self.forward_single_task(x[members], task)
            out[members, : logits.shape[1]] = logits.to(out.dtype)  # under autocast another
        return out

    def forward_single_task(self, x: Tensor, task_label: int) -> Tensor:
        """Logits of one head."""
        logits: Tensor = self.classifiers[str(task_label)](x)
        if self.seen_classes is None:
            return logits
        return logits.masked_fill(~self.seen_classes, MASKED)


class MultiHeadNet(MultiTaskModule):
    """A trunk shared by all tasks (`features`) under one head a task, or one for all."""

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

    def forward_all_tasks(self, x: Tensor) -> dict[int, Tensor]:
        """Logits of every head trained so far, by task.

        The trunk runs once, but where it normalises by the task; Avalanche's own runs it for
        every head, which makes LwF's cost grow with the tasks.
        """
        if not self.training and any(isinstance(module, TaskNorm) for module in self.modules()):
            every: dict[int, Tensor] = super().forward_all_tasks(x)
            return every
        features = self.features(x, torch.zeros(len(x), dtype=torch.int64, device=x.device))
        known = sorted(self.known_train_tasks_labels)
        return {task: self.heads.forward_single_task(features, task) for task in known}

    def forward_single_task(self, x: Tensor, task_label: int) -> Tensor:
        """Logits of one head for all samples."""
        task_labels = torch.full((len(x),), task_label, device=x.device)
        return self.heads.forward_single_task(self.features(x, task_labels), task_label)
