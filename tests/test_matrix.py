"""Every registered strategy on a toy stream with both nets: trains, learns, repeats, tidies up."""

import copy
import io
import warnings

import pytest
import torch

import baselines
from ness.adapter import LowRankUpdate
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, trunk

NETS = {"mlp": (lambda: ToyNet(bias=True), (12,)), "conv": (ToyConvNet, (2, 6, 6))}
SEQUENTIAL = [name for name in baselines.STRATEGIES if name != "joint"]
KEEPS_NOTHING = {"naive", "frozen", "lora"}
ARGUMENTS = {"ness": {"eps": 0.05}, "adam_nscl": {"lr_first": 1e-2, "lr": 1e-2, "lr_head": 1e-2}}
TASKS = 3


def make(name, net, epochs=8):
    torch.manual_seed(0)
    build, shape = NETS[net]
    model = build()
    for task in range(1, TASKS):  # heads made while evaluating would draw random numbers
        model.classifier.classifiers[str(task)] = copy.deepcopy(model.classifier.classifiers["0"])
    plugin = baselines.load(name)(**ARGUMENTS.get(name, {}))
    return toy_strategy(model, [plugin], epochs=epochs), plugin, toy_benchmark(TASKS, shape)


def train(strategy, benchmark, tasks):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for task in tasks:
            torch.manual_seed(task)
            strategy.train(benchmark.train_stream[task])


def accuracy(strategy, experience):
    with torch.no_grad():
        x = torch.stack([sample[0] for sample in experience.dataset])
        y = torch.tensor([sample[1] for sample in experience.dataset])
        labels = torch.full((len(y),), experience.task_label)
        strategy.model.eval()
        return (strategy.model(x, labels).argmax(1) == y).float().mean().item()


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", SEQUENTIAL)
def test_trains_learns_and_leaves_the_model_as_it_was_built(name, net):
    strategy, plugin, benchmark = make(name, net, epochs=40)
    modules = {key: type(module) for key, module in strategy.model.named_modules()}
    keys = list(strategy.model.state_dict())
    before = trunk(strategy.model)
    train(strategy, benchmark, range(TASKS))
    assert accuracy(strategy, benchmark.train_stream[TASKS - 1]) > 0.6
    after = trunk(strategy.model)
    assert any(not torch.equal(before[key], after[key]) for key in before)
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    assert {key: type(module) for key, module in strategy.model.named_modules()} == modules
    assert list(strategy.model.state_dict()) == keys
    assert all(p.requires_grad for p in strategy.model.parameters())
    for module in strategy.model.modules():
        assert not isinstance(module, LowRankUpdate)
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert plugin.tasks_done == TASKS


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", SEQUENTIAL)
def test_repeats_and_resumes_after_each_task_bit_for_bit(name, net):
    strategy, plugin, benchmark = make(name, net, epochs=2)
    states = []
    for task in range(TASKS):
        train(strategy, benchmark, [task])
        buffer = io.BytesIO()
        torch.save((strategy.model.state_dict(), plugin.state_dict()), buffer)
        states.append(buffer)
    final = strategy.model.state_dict()
    for done in range(TASKS):
        again, resumed, benchmark = make(name, net, epochs=2)
        if done:
            states[done - 1].seek(0)
            model, method = torch.load(states[done - 1], weights_only=True)
            again.model.load_state_dict(model)
            resumed.load_state_dict(method)
        train(again, benchmark, range(done, TASKS))
        state = again.model.state_dict()
        assert all(torch.equal(state[key], final[key]) for key in final), f"after task {done}"
        assert (resumed.ranks, resumed.interference) == (plugin.ranks, plugin.interference)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_state_grows_as_the_docstring_says(name):
    strategy, plugin, benchmark = make(name, "mlp", epochs=1)
    sizes = []
    for task in range(TASKS):
        train(strategy, benchmark, [task])
        sizes.append(plugin.state_bytes())
    if name in KEEPS_NOTHING:
        assert sizes == [0] * TASKS
    else:
        assert sizes[0] > 0
        assert sizes[-1] <= 8 * (12**2 + 16**2)  # at most d^2 float64 a layer: flat in tasks


@pytest.mark.parametrize("name", ["ness", "gpm"])
def test_protects_old_tasks_where_naive_forgets(name):
    change = {}
    for each in (name, "naive", "frozen"):
        torch.manual_seed(0)
        model = ToyNet(d=24, width=24)
        arguments = {"ness": {"eps": 1e-3}, "gpm": {"threshold": 0.999}}.get(each, {})
        strategy = toy_strategy(model, [baselines.load(each)(**arguments)], epochs=10)
        benchmark = toy_benchmark(tasks=2, shape=(24,), rank=4)
        train(strategy, benchmark, [0])
        x = torch.stack([sample[0] for sample in benchmark.train_stream[0].dataset])
        before, weights = model.features(x), trunk(model)
        train(strategy, benchmark, [1])
        change[each] = ((model.features(x) - before).norm() / before.norm()).item()
        moved = max((trunk(model)[key] - weights[key]).abs().max() for key in weights)
        assert (moved == 0) == (each == "frozen")
    assert change["frozen"] == 0
    assert change[name] < 0.1 * change["naive"]
