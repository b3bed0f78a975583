"""Small class- and domain-incremental streams, and a net with one head for all classes."""

import random

import numpy as np
import torch
from avalanche.benchmarks import dataset_benchmark
from avalanche.core import SupervisedPlugin
from avalanche.models import IncrementalClassifier, avalanche_forward
from torch import nn
from torch.utils.data import Dataset

import baselines
from toys import ToyNet, toy_benchmark, toy_strategy, train_quietly

TASKS, DIMENSIONS = 3, 12
CLASSES = {"cil": [(0, 1), (2, 3), (4, 5)], "dil": [(0, 1)] * TASKS}
OUTPUTS = {"cil": 6, "dil": 2}


class Blobs(Dataset):
    """A blob a class, overlapping its neighbours; ``shift`` moves all of them."""

    def __init__(self, classes, seed, shift, n=48):
        means = torch.randn(6, DIMENSIONS, generator=torch.Generator().manual_seed(7))
        noise = torch.randn(n, DIMENSIONS, generator=torch.Generator().manual_seed(seed))
        y = torch.tensor(classes).repeat_interleave(n // len(classes))
        self.x = means[y] + noise + shift
        self.targets, self.targets_task_labels = y.tolist(), [0] * n

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return self.x[index], self.targets[index]


def scenario_benchmark(scenario):
    """Three tasks of a kind; all but til have the task label 0 throughout."""
    if scenario == "til":
        return toy_benchmark(TASKS)
    members = []
    for task, classes in enumerate(CLASSES[scenario]):
        generator = torch.Generator().manual_seed(20 + task)
        shift = torch.randn(DIMENSIONS, generator=generator) if scenario == "dil" else 0
        members.append(Blobs(classes, task, shift))
    return dataset_benchmark(members, members)


class SingleHeadNet(nn.Module):
    """Two layers and one head whose unseen classes are masked to -1000."""

    def __init__(self, classes):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(DIMENSIONS, 16, bias=False), nn.Linear(16, 16, bias=False)
        self.classifier = IncrementalClassifier(16, classes)

    def forward(self, x):
        return self.classifier(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


def scenario_net(scenario):
    """The net for a kind of stream, the same at each call."""
    seed(0)
    return ToyNet() if scenario == "til" else SingleHeadNet(OUTPUTS[scenario])


def seed(number):
    """What the benchmark runner does before each task."""
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number)


def learn(plugin, scenario, *, tasks=range(TASKS), epochs=15, before=(), after=(), model=None):
    """Train a plugin task after task; ``before`` and ``after`` are further plugins around it."""
    benchmark = scenario_benchmark(scenario)
    model = model or scenario_net(scenario)
    strategy = toy_strategy(model, [*before, plugin, *after], epochs=epochs)
    for task in tasks:
        seed(task)
        train_quietly(strategy, benchmark.train_stream[task], eval_streams=[])
    return strategy, benchmark


def make(name, **arguments):
    """A registered plugin, by name."""
    return baselines.load(name)(**arguments)


def accuracy(strategy, experience):
    """Share of the experience's samples that the model gets right."""
    x, y = (torch.stack([torch.as_tensor(s[i]) for s in experience.dataset]) for i in (0, 1))
    strategy.model.eval()
    with torch.no_grad():
        labels = torch.full((len(y),), experience.task_label)
        outputs = avalanche_forward(strategy.model, x, labels)
    return (outputs.argmax(1) == y).float().mean().item()


class Witness(SupervisedPlugin):
    """Loss, weights, gradients and batches around what the plugins between two of it do."""

    def __init__(self):
        super().__init__()
        self.losses, self.batches, self.gradients, self.modes = [], [], [], []

    def before_forward(self, strategy, **kwargs):
        self.batches.append(([x.clone() for x in strategy.mb_x], strategy.mb_y.tolist()))
        self.modes.append(strategy.model.training)

    def before_backward(self, strategy, **kwargs):
        self.losses.append(strategy.loss.detach().clone())

    def after_backward(self, strategy, **kwargs):
        self.gradients.append(gradient(strategy.model))


def gradient(model):
    """The gradients of all parameters as one vector."""
    return torch.cat([p.grad.flatten() for p in model.parameters()]).clone()


def first_task(scenario="cil"):
    """The (x, y) of a stream's first task, in stored order."""
    return [sample[:2] for sample in scenario_benchmark(scenario).train_stream[0].dataset]
