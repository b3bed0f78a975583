"""Samples in memory with all that is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Samples (N, C, H, W) or (N, D), labels (N,) int64 and Avalanche's task labels (N,) int64.

    Samples are uint8, or float32 where a user's own are. A label is an output of its head:
    from zero within each task, in ``cil`` the position of the class in the class order. The
    task label is the head: that of the task, in ``cil`` and ``dil`` 0 for every task.

    ``source`` (N,) int64: the member data set of each sample, in a stream made of several that
    are normalised each in its own way; else None.
    """

    x: Tensor
    y: Tensor
    task: Tensor
    source: Tensor | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, chosen: Tensor | slice) -> Split:
        """The samples of some indices, in their order; of a slice without copying them."""
        source = None if self.source is None else self.source[chosen]
        return Split(self.x[chosen], self.y[chosen], self.task[chosen], source)

    @property
    def nbytes(self) -> int:
        """Bytes of images and labels."""
        return self.x.nbytes + self.y.nbytes

    def to(self, device: torch.device) -> Split:
        """The split on a device, itself if it is there."""
        source = None if self.source is None else self.source.to(device)
        return Split(self.x.to(device), self.y.to(device), self.task.to(device), source)

    @classmethod
    def union(cls, splits: Sequence[Split]) -> Split:
        """All samples of several splits, in order, each with its own task label and source."""
        x, y, task = (torch.cat([getattr(s, part) for s in splits]) for part in ("x", "y", "task"))
        sources = [s.source for s in splits if s.source is not None]
        if sources and len(sources) != len(splits):
            raise ValueError("some of the splits say where their samples come from, others do not")
        return cls(x, y, task, torch.cat(sources) if sources else None)
