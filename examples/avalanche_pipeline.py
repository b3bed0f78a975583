"""NESS in an ordinary Avalanche script: Split Digits, a multi-head net, accuracy per task.

Run from a checkout after `make setup`: .venv/bin/python examples/avalanche_pipeline.py
"""

import torch
from avalanche.benchmarks import dataset_benchmark
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.models import MultiHeadClassifier, MultiTaskModule
from avalanche.training import Naive
from avalanche.training.plugins import EvaluationPlugin
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import Dataset

from ness import NESSPlugin


class DigitPair(Dataset):
    """Two digits as one task; Avalanche reads targets and task labels from the attributes."""

    def __init__(self, task, part):
        digits = load_digits()
        mine = [i for i, label in enumerate(digits.target) if label // 2 == task]
        mine = mine[::4] if part == "test" else [i for n, i in enumerate(mine) if n % 4]
        self.x = torch.tensor(digits.data[mine] / 16, dtype=torch.float32)
        self.targets = [int(digits.target[i]) % 2 for i in mine]
        self.targets_task_labels = [task] * len(mine)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return self.x[index], self.targets[index]


class Net(MultiTaskModule):
    """Two hidden layers under Avalanche's own multi-head classifier."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(64, 256, bias=False), nn.ReLU(), nn.Linear(256, 256, bias=False), nn.ReLU()
        )
        self.classifier = MultiHeadClassifier(256)

    def forward(self, x, task_labels):
        return self.classifier(self.trunk(x), task_labels)


def main():
    torch.manual_seed(0)
    benchmark = dataset_benchmark(
        [DigitPair(task, "train") for task in range(5)],
        [DigitPair(task, "test") for task in range(5)],
    )
    model, ness = Net(), NESSPlugin(eps=1e-3)
    strategy = Naive(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        train_mb_size=32,
        train_epochs=10,
        eval_mb_size=256,
        plugins=[ness],
        evaluator=EvaluationPlugin(accuracy_metrics(experience=True), loggers=[]),
    )
    for experience in benchmark.train_stream:
        strategy.train(experience, eval_streams=[])
        print(f"after task {experience.current_experience + 1}: free directions {ness.ranks}")
    for name, value in strategy.eval(benchmark.test_stream).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
