"""Small streams and nets for tests of the methods, made as a user of Avalanche would."""

import warnings

import torch
from avalanche.benchmarks import dataset_benchmark
from avalanche.models import MultiHeadClassifier, MultiTaskModule
from avalanche.training.plugins import EvaluationPlugin
from avalanche.training.templates import SupervisedTemplate
from torch import nn
from torch.utils.data import Dataset


class ToyDataset(Dataset):
    """Two classes told apart by one direction, inputs in the span of ``basis``."""

    def __init__(self, task, label, basis, shape, first_class=0, n=48):
        generator = torch.Generator().manual_seed(100 + task)
        inner = torch.randn(n, len(basis), generator=generator)
        rule = torch.randn(len(basis), generator=generator)
        self.x = (inner @ basis).view(n, *shape)
        self.targets = ((inner @ rule > 0).long() + first_class).tolist()
        self.targets_task_labels = [label] * n

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return self.x[index], self.targets[index]


def toy_benchmark(tasks=3, shape=(12,), rank=None, task_labels=True, new_classes=False):
    """Task t's inputs span ``rank`` random directions of their own (all of them if None).

    Task-incremental; without ``task_labels`` one head serves all tasks, which have the same two
    classes (domain-incremental), or with ``new_classes`` two of their own (class-incremental).
    """
    d = torch.Size(shape).numel()
    sets = {}
    for offset, stream in ((0, "train"), (50, "test")):
        members = []
        for task in range(tasks):
            generator = torch.Generator().manual_seed(task)
            basis = torch.eye(d) if rank is None else torch.randn(rank, d, generator=generator)
            label = task if task_labels else 0
            first_class = 2 * task if new_classes else 0
            members.append(ToyDataset(task + offset, label, basis, shape, first_class))
        sets[stream] = members
    return dataset_benchmark(sets["train"], sets["test"])


class Classified(MultiTaskModule):
    """`features` under Avalanche's multi-head classifier."""

    def __init__(self, width):
        super().__init__()
        self.classifier = MultiHeadClassifier(width, masking=False)

    def forward(self, x, task_labels):
        return self.classifier(self.features(x), task_labels)


class OneHead(nn.Module):
    """The trunk of such a net under one Linear for ``classes``."""

    def __init__(self, net, classes):
        super().__init__()
        width = net.classifier.in_features
        del net.classifier
        self.trunk, self.classifier = net, nn.Linear(width, classes)

    def forward(self, x):
        return self.classifier(self.trunk.features(x))


class ToyNet(Classified):
    """Two Linear layers."""

    def __init__(self, d=12, width=16, bias=False):
        super().__init__(width)
        self.fc1, self.fc2 = nn.Linear(d, width, bias=bias), nn.Linear(width, width, bias=bias)

    def features(self, x):
        return torch.relu(self.fc2(torch.relu(self.fc1(x))))


class ToyBatchNormNet(Classified):
    """The papers' kind: convolutions without biases, BatchNorm without running statistics."""

    def __init__(self):
        super().__init__(12)
        self.conv1 = nn.Conv2d(2, 6, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(6, track_running_stats=False)
        self.conv2 = nn.Conv2d(6, 8, 2, bias=False)
        self.bn2 = nn.BatchNorm2d(8, track_running_stats=False)
        self.fc = nn.Linear(8 * 9, 12, bias=False)

    def features(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return torch.relu(self.fc(x.flatten(1)))


class ToyConvNet(Classified):
    """Strided, grouped and padded convolutions, BatchNorm with running statistics."""

    def __init__(self):
        super().__init__(10)
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect")
        self.bn = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 8, 3, stride=2, groups=2)
        self.fc = nn.Linear(8 * 4, 10)

    def features(self, x):
        x = torch.relu(self.bn(self.conv1(x)))
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2, padding=1)
        return torch.relu(self.fc(x.flatten(1)))


def toy_strategy(model, plugins, optimizer=None, epochs=2, batch=16, **kwargs):
    """A plain Avalanche strategy around the plugins."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return SupervisedTemplate(
        model=model,
        optimizer=optimizer,
        train_mb_size=batch,
        train_epochs=epochs,
        eval_mb_size=64,
        plugins=plugins,
        evaluator=EvaluationPlugin(loggers=[]),
        **kwargs,
    )


def train_quietly(strategy, experience, **kwargs):
    """Train without the warnings that name frozen modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strategy.train(experience, **kwargs)


def trunk(model):
    """Weights of all but the heads, by name, as copies."""
    return {
        name: tensor.detach().clone()
        for name, tensor in model.state_dict().items()
        if "classifier" not in name
    }
