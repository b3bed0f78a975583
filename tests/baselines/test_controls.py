"""Controls: frozen trains heads alone; naive trains everything."""

import torch

import baselines
from baselines.controls import Frozen
from baselines.stock import Naive
from ness.task_plugin import TaskPlugin
from toys import ToyConvNet, toy_benchmark, toy_strategy, train_quietly, trunk


def learn_two(plugin):
    torch.manual_seed(0)
    model = ToyConvNet()
    strategy = toy_strategy(model, [plugin])
    stream = toy_benchmark(tasks=2, shape=(2, 6, 6)).train_stream
    train_quietly(strategy, stream[0])
    before = trunk(model)
    train_quietly(strategy, stream[1])
    return before, trunk(model), model


def test_frozen_moves_nothing_but_the_head():
    plugin = Frozen()
    before, after, model = learn_two(plugin)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert plugin.ranks == {"conv1": 0, "conv2": 0, "fc": 0}
    first, second = (model.classifier.classifiers[t].classifier.weight for t in ("0", "1"))
    assert not torch.equal(first, second)


def test_naive_moves_everything():
    before, after, _ = learn_two(Naive())
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert still <= {"conv1.bias"}  # BatchNorm cancels the bias before it


def test_every_registered_name_is_a_plugin():
    for name in baselines.STRATEGIES:
        plugin = baselines.load(name)
        assert issubclass(plugin, TaskPlugin)
        assert plugin.__doc__
