"""The nets that are timed, at the sizes of the papers, on synthetic images.

A time does not depend on what the images show. What it does depend on, the ranks that NESS leaves
each layer, is read from a stored run on real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.environment import ROOT
from benchmarks.errors import BadInput
from benchmarks.records import RunRecord, read_all
from benchmarks.spec import OptimizerSpec, ProtocolSpec, RunSpec
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Stream, Task

TASKS = 10
BATCH_SIZE = 64
THREADS = 1
UNTIMED_SAMPLES = 2
"""Of the validation and test splits, which no time here is taken of."""


@dataclass(frozen=True)
class Net:
    """A backbone, the images of its stream, and where its ranks are from."""

    backbone: str
    backbone_args: Mapping[str, Any]
    input_shape: tuple[int, ...]
    classes: int
    """Of a task."""
    samples: int
    """Training images of a task."""
    ranks_from: str
    """Folder below results/ of a stored run of `ness`."""
    tasks: int = TASKS
    has_dropout: bool = False
    loop_samples: int | None = None
    """Training images of an epoch of the harness beside a bare one, where these are fewer: what
    the harness costs once an epoch then weighs more."""

    def spec(self, strategy: str, device: str, **strategy_args: Any) -> RunSpec:
        """A run of one epoch a task with the optimiser of the papers."""
        return epoch_spec(self.backbone, self.backbone_args, strategy, strategy_args, device)

    def stream(self) -> Stream:
        """Tasks of the same smooth random images, each with a head and labels of its own."""
        generator = torch.Generator().manual_seed(0)
        x = smooth_images(self.samples, self.input_shape, generator)
        tasks = []
        for number in range(self.tasks):
            y = torch.randint(self.classes, (self.samples,), generator=generator)
            train = Split(x, y, torch.full_like(y, number))
            rest = train[:UNTIMED_SAMPLES]
            classes = tuple(range(number * self.classes, (number + 1) * self.classes))
            tasks.append(Task(classes, train, rest, rest))
        normalisation = Normalisation(mean=(0.5,), std=(0.25,))
        return Stream("synthetic/til", tuple(tasks), normalisation, data_hash="synthetic")

    def describe(self) -> dict[str, Any]:
        """What a file of measurements says of it."""
        return {
            "backbone_args": dict(self.backbone_args),
            "input_shape": list(self.input_shape),
            "tasks": self.tasks,
            "classes": self.classes,
            "samples": self.samples,
            "loop_samples": self.loop_samples or self.samples,
            "batch_size": BATCH_SIZE,
            "ranks_from": self.ranks_from,
            "ranks": self.ranks(),
        }

    def ranks(self) -> dict[str, int]:
        """Each layer's free directions in the last task of the stored run."""
        folder = ROOT / "results" / self.ranks_from
        for record in read_all(folder):
            if isinstance(record, RunRecord) and record.spec["strategy"] == "ness":
                return record.tasks[-1].ranks
        raise BadInput(
            f"{folder}: holds no run of ness, whose ranks {self.backbone} is timed with; get the "
            f"folder back from git"
        )


NETS = {
    "alexnet": Net(
        "alexnet",
        {"bn": "batch_stats"},
        (3, 32, 32),
        classes=10,
        samples=4750,  # CIFAR-100 in ten tasks, 5 % held out
        ranks_from="cpu/split_cifar100",
        has_dropout=True,
    ),
    "mlp": Net(
        "mlp",
        {"hidden": [256, 256]},
        (1, 8, 8),
        classes=2,
        samples=230,  # the demo's digits in five tasks, a tenth held out
        ranks_from="cpu/digits_til",
        tasks=10,
    ),
    "mlp_mnist": Net(
        "mlp",
        {"hidden": [256, 256]},
        (1, 28, 28),
        classes=2,
        samples=10800,  # MNIST in five tasks, 10 % held out
        ranks_from="cpu/split_mnist",
    ),
    "resnet18": Net(
        "resnet18",
        {"width": 20, "stride": 2, "bn": "batch_stats"},
        (3, 84, 84),
        classes=5,
        samples=2450,  # miniImageNet in twenty tasks, 2 % held out
        ranks_from="cpu/split_miniimagenet",
        loop_samples=640,
    ),
}


def epoch_spec(
    backbone: str,
    backbone_args: Mapping[str, Any],
    strategy: str,
    strategy_args: Mapping[str, Any],
    device: str,
) -> RunSpec:
    """A run of one epoch a task with the optimiser of the papers, on a stream made here."""
    return RunSpec(
        stream="synthetic/til",
        stream_args={},
        class_order="fixed",
        class_order_seed=0,
        backbone=backbone,
        backbone_args=dict(backbone_args),
        strategy=strategy,
        strategy_args=dict(strategy_args),
        optimizer=OptimizerSpec(name="sgd", lr=0.01, momentum=0.9, weight_decay=1e-4),
        protocol=ProtocolSpec(
            epochs=1,
            batch_size=BATCH_SIZE,
            eval_batch_size=BATCH_SIZE,
            patience=1,
            factor=2.0,
            lr_min=0.0,
            keep="last",
        ),
        seed=0,
        init_seed=0,
        data_seed=0,
        device=device,  # type: ignore[arg-type]
        threads=THREADS,
    )


def smooth_images(n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """uint8 images (n, *shape) whose neighbouring pixels are alike, as those of photographs are.

    White noise would leave no direction of any layer's inputs unused.
    """
    channels, height, width = shape
    coarse = torch.randn(n, channels, 5, 5, generator=generator)
    parts = []
    for part in coarse.split(256):
        smooth = F.interpolate(part, (height, width), mode="bilinear", align_corners=False)
        noise = 0.05 * torch.randn(smooth.shape, generator=generator)
        parts.append(((smooth + noise) * 60 + 128).clamp(0, 255).to(torch.uint8))
    return torch.cat(parts)
