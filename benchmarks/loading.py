"""Batches sliced from tensors in memory, in place of Avalanche's per-sample loaders.

Avalanche's loader gives 56 thousand CIFAR images a second here, slicing 365 thousand or more;
its multi-task loader also balances every batch over tasks and oversamples the smaller ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from avalanche.models import avalanche_forward
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from benchmarks.callbacks import BatchCallbacks
from benchmarks.seeds import derive
from benchmarks.streams.normalisation import Normaliser
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Sees, SplitName, Stream
from ness import compat
from ness.moments import batch_slices

FLOAT32 = 4
"""Bytes of a normalised number."""
KEPT = 64 * 2**20
"""Bytes of a split as normalised float32, up to which it is kept so: a CIFAR-100 task's are 58."""


class TensorBatches:
    """Batches [x, y, task labels] of a split, normalised on the way out, on ``device``.

    The order depends on ``seed`` alone: ``reshuffle`` draws a new one at every pass, else it
    is one fixed shuffle. The global generators are never used. A last batch of one joins
    the batch before. What is reshuffled, and so passed over often, is normalised once if it is
    no larger than `KEPT`.
    """

    def __init__(
        self,
        split: Split,
        normalisation: Normaliser,
        batch_size: int,
        *,
        seed: int,
        reshuffle: bool,
        device: torch.device,
    ) -> None:
        split = split.to(device)
        self.x, self.y, self.task, self.source = split.x, split.y, split.task, split.source
        self.normalisation, self.reshuffle, self.seed = normalisation, reshuffle, seed
        self.normalised = reshuffle and self.x.numel() * FLOAT32 <= KEPT
        if self.normalised:
            self.x = normalisation(self.x, self.source)
        self.slices = batch_slices(len(split), batch_size)
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.slices)

    def __iter__(self) -> Iterator[list[Tensor]]:
        if not self.reshuffle:
            self.generator.manual_seed(self.seed)
        order = torch.randperm(len(self.y), generator=self.generator).to(self.y.device)
        for part in self.slices:
            chosen = order[part]
            # Copies rows; indexing goes number by number: 18 times as long for CIFAR images.
            x, y, task = (rows.index_select(0, chosen) for rows in (self.x, self.y, self.task))
            if not self.normalised:
                source = None if self.source is None else self.source.index_select(0, chosen)
                x = self.normalisation(x, source)
            yield [x, y, task]


class JoinedLast:
    """A loader whose last batch of one joins the batch before: BatchNorm cannot do with one."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        held = None
        for batch in self.loader:
            if held is not None and len(batch[0]) == 1:
                held = [torch.cat(parts) for parts in zip(held, batch, strict=True)]
                continue
            if held is not None:
                yield held
            held = batch
        if held is not None:
            yield held


class StreamStrategy(BatchCallbacks, SupervisedTemplate[Any, Any, Any]):
    """Avalanche's training loop over one of our streams, fed by `TensorBatches`.

    Evaluation runs over batches of one fixed shuffle: nets whose norm layers keep no running
    statistics score at chance on class-sorted batches. A plugin that changes the data set of
    a task (``adapted_dataset``) gets Avalanche's own loader.
    """

    def __init__(
        self,
        *,
        stream: Stream,
        sees: Sees,
        data_seed: int,
        compute: Callable[[Any, Tensor, Tensor], Tensor] = avalanche_forward,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stream, self.sees, self.data_seed = stream, sees, data_seed
        self.compute = compute
        self._plain_dataset: Any = None

    def batches(self, split_name: SplitName, task: int, *, train: bool = False) -> TensorBatches:
        """Batches of one split of a step: of all tasks that the step sees, in one random order."""
        return TensorBatches(
            self.stream.data(split_name, task, self.sees),
            self.stream.normalisation,
            self.train_mb_size if train else self.eval_mb_size,
            seed=derive(self.data_seed, "batches", task) if train else 0,
            reshuffle=train,
            device=self.device,
        )

    def task_batches(self, experience: Any, *, batch_size: int, seed: int) -> Iterator[Any]:
        """Those of `ness.compat.evaluation_batches`, sliced in place of loaded one by one."""
        if self.sees != "task":
            return compat.task_batches(experience, batch_size=batch_size, seed=seed)
        return iter(
            TensorBatches(
                self.stream.data("train", experience.current_experience),
                self.stream.normalisation,
                batch_size,
                seed=seed,
                reshuffle=False,
                device=self.device,
            )
        )

    def outputs(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Logits as training and evaluation compute them, ``compute`` of the plain model.

        What methods measure through the model itself is in float32 and never compiled.
        """
        return self.compute(self.model, x, task_labels)

    def forward(self) -> Tensor:
        return self.outputs(self.mb_x, self.mb_task_id)

    def train_dataset_adaptation(self, **kwargs: Any) -> None:
        super().train_dataset_adaptation(**kwargs)
        self._plain_dataset = self.adapted_dataset

    def eval_dataset_adaptation(self, **kwargs: Any) -> None:
        super().eval_dataset_adaptation(**kwargs)
        self._plain_dataset = self.adapted_dataset

    def make_train_dataloader(self, **kwargs: Any) -> None:
        self.dataloader: Any
        if self.adapted_dataset is self._plain_dataset:
            self.dataloader = self.batches("train", self.experience.current_experience, train=True)
        else:
            super().make_train_dataloader(**kwargs)
            self.dataloader = JoinedLast(self.dataloader)

    def make_eval_dataloader(self, **kwargs: Any) -> None:
        if self.adapted_dataset is self._plain_dataset:
            experience = self.experience
            name = experience.origin_stream.name
            self.dataloader = self.batches(name, experience.current_experience)
        else:
            super().make_eval_dataloader(**kwargs)
