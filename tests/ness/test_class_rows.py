"""One head for all tasks: new rows train, known rows are adapted, all others rest."""

import pytest
import torch
from avalanche.benchmarks import dataset_benchmark
from avalanche.core import SupervisedPlugin
from avalanche.models import IncrementalClassifier, MultiHeadClassifier, NCMClassifier
from torch import nn

import baselines
from ness import NESSPlugin, release
from ness.attached import Attached
from ness.class_rows import class_layers, class_rows
from toys import OneHead, ToyDataset, ToyNet, toy_benchmark, toy_strategy, train_quietly

METHODS = ("ness", "random_subspace", "gpm", "sgp", "dfgp", "adam_nscl", "owm", "lora")
ARGUMENTS = {
    "ness": {"eps": 0.05},
    "random_subspace": {"eps": 0.05},
    "adam_nscl": {"lr": 1e-2, "lr_head": 1e-2},
}
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5),
}


def plugin_of(name):
    return baselines.load(name)(heads="classifier", **ARGUMENTS.get(name, {}))


def cil(tasks=3):
    return toy_benchmark(tasks, rank=4, task_labels=False, new_classes=True)


def head_of(model):
    return model.classifier.weight.detach().clone(), model.classifier.bias.detach().clone()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", [*METHODS, "inflora", "frozen"])
def test_class_incremental_heads_train_the_rows_of_new_classes_alone(name, optimizer):
    torch.manual_seed(0)
    model = OneHead(ToyNet(), 6)
    shared = OPTIMIZERS[optimizer](model.parameters())
    strategy = toy_strategy(model, [plugin_of(name)], optimizer=shared)
    for task, experience in enumerate(cil().train_stream):
        weight, bias = head_of(model)
        train_quietly(strategy, experience)
        if task == 0:
            continue
        new = torch.tensor([row // 2 == task for row in range(6)])
        for before, after in zip((weight, bias), head_of(model), strict=True):
            assert torch.equal(after[~new], before[~new])
            assert (after[new] != before[new]).any()
        assert type(model.classifier) is nn.Linear


def test_resting_rows_get_no_gradient():
    class Look(baselines.load("gpm")):
        def before_update(self, strategy, **kwargs):
            seen.append(strategy.model.classifier.weight.grad.abs().sum(1) > 0)
            super().before_update(strategy, **kwargs)

    seen = []
    model = OneHead(ToyNet(), 6)
    strategy = toy_strategy(model, [Look(heads="classifier")], epochs=1)
    stream = cil().train_stream
    train_quietly(strategy, stream[0])
    seen.clear()
    train_quietly(strategy, stream[1])
    assert torch.stack(seen).any(0).tolist() == [False, False, True, True, False, False]


def test_sam_neither_measures_nor_perturbs_resting_rows():
    class Look(SupervisedPlugin):
        def before_backward(self, strategy, **kwargs):
            if sam.second_pass:
                moved.append((strategy.model.classifier.weight != weight).any(1))

    moved, weight = [], torch.zeros(6, 16)
    torch.manual_seed(0)
    model, plugin = (
        OneHead(ToyNet(), 6),
        baselines.load("ness_sam")(sam_tasks="all", eps=0.05, heads="classifier", rho=1.0),
    )
    sam = plugin.sam
    strategy = toy_strategy(model, [plugin, Look()], epochs=1, batch=48)
    stream = cil().train_stream
    train_quietly(strategy, stream[0])
    weight, _ = head_of(model)
    moved.clear()
    train_quietly(strategy, stream[1])
    assert [rows.tolist() for rows in moved] == [[False, False, True, True, False, False]]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", METHODS)
def test_domain_incremental_heads_are_adapted_like_any_layer(name, named):
    torch.manual_seed(0)
    model = OneHead(ToyNet(), 2)
    heads = {"heads": "classifier"} if named else {}
    plugin = baselines.load(name)(**heads, **ARGUMENTS.get(name, {}))
    strategy = toy_strategy(model, [plugin])
    stream = toy_benchmark(2, rank=4, task_labels=False).train_stream
    train_quietly(strategy, stream[0])
    weight, bias = head_of(model)
    train_quietly(strategy, stream[1])
    after, bias_after = head_of(model)
    assert torch.equal(bias_after, bias)
    assert "classifier" in plugin.ranks
    dW = after - weight
    if name == "ness":
        V = plugin_space(plugin, stream, model, weight)
        assert (dW - dW @ V @ V.T).norm() < 1e-5
    if name in ("gpm", "dfgp"):
        assert plugin.ranks["classifier"] < 16
    assert dW.norm() > 1e-6


def plugin_space(plugin, stream, model, weight):
    """The free directions of the head's inputs after task 1, from a twin that learnt it alone."""
    torch.manual_seed(0)
    twin, again = OneHead(ToyNet(), 2), NESSPlugin(eps=plugin.eps, heads=plugin.heads)
    train_quietly(toy_strategy(twin, [again]), stream[0])
    assert torch.equal(twin.classifier.weight, weight)
    return again.basis("classifier").V.float()


class Mixed:
    """Classes {0, 1}, then {1, 2}: one comes again, one is new, one rests."""

    def __init__(self):
        members = []
        for task, first in enumerate((0, 1)):
            basis = torch.randn(4, 12, generator=torch.Generator().manual_seed(task))
            members.append(ToyDataset(task, 0, basis, (12,), first_class=first))
        self.train_stream = dataset_benchmark(members, members).train_stream


@pytest.mark.parametrize("name", ["ness", "gpm", "adam_nscl", "lora"])
def test_a_class_that_comes_again_is_adapted_beside_one_that_is_new(name):
    torch.manual_seed(0)
    model, plugin = OneHead(ToyNet(), 4), plugin_of(name)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=0.1)
    strategy = toy_strategy(model, [plugin], optimizer=optimizer)
    stream = Mixed().train_stream
    train_quietly(strategy, stream[0])
    weight, _ = head_of(model)
    C = plugin.C["classifier"].clone() if name == "gpm" else None
    V = plugin.basis("classifier").V.float() if name == "ness" else None
    train_quietly(strategy, stream[1])
    dW = head_of(model)[0] - weight
    assert dW[0].abs().max() == 0  # rests
    assert dW[3].abs().max() == 0  # never seen
    assert dW[1].norm() > 1e-6
    assert dW[2].norm() > 1e-3
    if C is not None:
        assert (dW[1] @ C).norm() < 1e-5
        assert (dW[2] @ C).norm() > 1e-3
    if V is not None:
        assert (dW[1] - dW[1] @ V @ V.T).norm() < 1e-5
        assert (dW[2] - dW[2] @ V @ V.T).norm() > 1e-3


@pytest.mark.parametrize("name", ["ness", "gpm"])
def test_avalanches_growing_classifier(name):
    class Growing(ToyNet):
        def __init__(self):
            super().__init__()
            self.classifier = IncrementalClassifier(16)

        def forward(self, x, task_labels=None):
            return self.classifier(self.features(x))

    torch.manual_seed(0)
    model = Growing()
    plugin = baselines.load(name)(**ARGUMENTS.get(name, {}))
    strategy = toy_strategy(model, [plugin])
    for task, experience in enumerate(cil().train_stream):
        before = model.classifier.classifier.weight.detach().clone()
        train_quietly(strategy, experience)
        after = model.classifier.classifier.weight.detach()
        assert len(after) == 2 * (task + 1)
        if task:
            assert torch.equal(after[:-2], before)


def test_a_revisited_task_resumes_its_head_and_adds_its_moments():
    torch.manual_seed(0)
    benchmark = toy_benchmark(tasks=2, rank=4)
    model, plugin = ToyNet(), NESSPlugin(eps=0.05)
    strategy = toy_strategy(model, [plugin])
    for task in (0, 1):
        train_quietly(strategy, benchmark.train_stream[task])
    heads = {n: p.detach().clone() for n, p in model.classifier.named_parameters()}
    M = plugin.M["fc1"].clone()
    train_quietly(strategy, benchmark.train_stream[0])
    x = torch.stack([sample[0] for sample in benchmark.train_stream[0].dataset]).double()
    torch.testing.assert_close(plugin.M["fc1"], M + x.T @ x, rtol=1e-5, atol=1e-5)
    for name, p in model.classifier.named_parameters():
        assert torch.equal(p, heads[name]) == (".1." in name)
    assert plugin.tasks_done == 3


def test_state_carries_the_classes_seen():
    torch.manual_seed(0)
    model, plugin = OneHead(ToyNet(), 6), plugin_of("ness")
    stream = cil().train_stream
    train_quietly(toy_strategy(model, [plugin]), stream[0])
    resumed = plugin_of("ness")
    resumed.load_state_dict(plugin.state_dict())
    weight, _ = head_of(model)
    train_quietly(toy_strategy(model, [resumed]), stream[1])
    assert torch.equal(head_of(model)[0][:2], weight[:2])


def test_an_interrupted_task_limits_nothing_afterwards():
    class Stop(Exception):
        pass

    class Interrupt(baselines.load("frozen")):
        armed = False

        def after_training_iteration(self, strategy, **kwargs):
            if self.armed:
                raise Stop

    torch.manual_seed(0)
    model, plugin = OneHead(ToyNet(), 6), Interrupt(heads="classifier")
    strategy = toy_strategy(model, [plugin])
    stream = cil().train_stream
    train_quietly(strategy, stream[0])
    plugin.armed = True
    with pytest.raises(Stop):
        train_quietly(strategy, stream[1])
    assert model.classifier.weight._backward_hooks
    release(model)
    assert not model.classifier.weight._backward_hooks
    plugin.armed = False
    weight, _ = head_of(model)
    train_quietly(strategy, stream[2])
    assert not model.classifier.weight._backward_hooks
    moved = (head_of(model)[0] != weight).any(1).tolist()
    assert moved == [False] * 4 + [True] * 2


def test_refusals_name_the_cause():
    train = cil().train_stream
    model = OneHead(ToyNet(), 6)
    strategy = toy_strategy(model, [NESSPlugin()])
    train_quietly(strategy, train[0])
    with pytest.raises(ValueError, match=r"new classes \(2, 3\).*heads="):
        train_quietly(strategy, train[1])
    with pytest.raises(ValueError, match="class 3 has no row in head 'classifier', which has 2"):
        class_rows({"classifier": nn.Linear(4, 2)}, {2, 3}, set())
    two = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 6))
    with pytest.raises(ValueError, match="'0' has 8, '1' has 6: name the module that holds all"):
        class_layers(two, ["0", "1"], 0)
    net = nn.Sequential(nn.Linear(3, 2), NCMClassifier())
    with pytest.raises(ValueError, match=r"head '1' .NCMClassifier. ends in no Linear"):
        class_layers(net, None, 0)


def test_nothing_left_to_train_is_said_before_training():
    torch.manual_seed(0)
    model = OneHead(ToyNet(), 2)
    strategy = toy_strategy(model, [NESSPlugin(eps=1e-12)])
    stream = toy_benchmark(2, task_labels=False).train_stream
    train_quietly(strategy, stream[0])
    with pytest.raises(ValueError, match="leaves nothing to train in task 2"):
        train_quietly(strategy, stream[1])


def test_of_a_multi_head_classifier_the_head_in_use_counts():
    net = nn.Sequential(nn.Linear(3, 4), MultiHeadClassifier(4))
    net[1].classifiers["1"] = IncrementalClassifier(4)
    assert list(class_layers(net, None, 0)) == ["1.classifiers.0.classifier"]
    assert list(class_layers(net, None, 1)) == ["1.classifiers.1.classifier"]
    assert not any(isinstance(module, Attached) for module in net.modules())
