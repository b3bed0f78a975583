"""A stream as Avalanche knows it."""

from __future__ import annotations

from typing import Any

from avalanche.benchmarks import dataset_benchmark
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.streams.normalisation import Normaliser
from benchmarks.streams.split import Split
from benchmarks.streams.stream import SPLITS, Sees, Stream


def benchmark(stream: Stream, sees: Sees) -> Any:
    """See `Stream.benchmark`.

    Splits are made before Avalanche sees them, because its own splitting drops task labels and
    takes the last samples for validation (docs: avalanche-0.6, pitfalls 7, 8).
    """
    datasets = {
        name: [
            NormalisedDataset(stream.data(name, step, sees), stream.normalisation)
            for step in range(len(stream.tasks) if name == "test" else stream.steps(sees))
        ]
        for name in SPLITS
    }
    return dataset_benchmark(
        datasets["train"],
        datasets["test"],
        other_streams_datasets={"valid": datasets["valid"]},
    )


class NormalisedDataset(Dataset[tuple[Tensor, int]]):
    """A split as a map-style data set of normalised (x, y), for loaders that are not ours."""

    def __init__(self, split: Split, normalisation: Normaliser) -> None:
        self.split, self.normalisation = split, normalisation
        self.targets = split.y.tolist()
        self.targets_task_labels = split.task.tolist()

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        sample = self.split[index : index + 1]
        return self.normalisation(sample.x, sample.source)[0], self.targets[index]
