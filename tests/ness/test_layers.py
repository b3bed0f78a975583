"""Which layers are adapted, which modules are heads, what is frozen."""

import copy

import pytest
import torch
from avalanche.models import IncrementalClassifier, MultiHeadClassifier, as_multitask
from torch import nn

from ness.adapter import attach
from ness.layers import (
    describe_frozen,
    find_heads,
    freeze,
    head_parameters,
    mark_task,
    release,
    select_layers,
)
from toys import ToyConvNet, ToyNet


class Experience:
    def __init__(self, *task_labels):
        self.task_labels = task_labels


def test_everything_but_avalanches_heads_is_adapted():
    assert list(select_layers(ToyNet())) == ["fc1", "fc2"]
    assert list(select_layers(ToyConvNet())) == ["conv1", "conv2", "fc"]


def test_being_inside_a_multi_task_module_makes_no_head():
    net = nn.Sequential()
    net.add_module("fc1", nn.Linear(3, 4))
    net.add_module("classifier", nn.Linear(4, 2))
    wrapped = as_multitask(net, "classifier")
    assert list(find_heads(wrapped)) == ["classifier"]
    assert list(select_layers(wrapped)) == ["model.fc1"]


def test_heads_by_name():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    assert list(select_layers(net)) == ["0", "1"]
    assert list(select_layers(net, heads="1")) == ["0"]
    with pytest.raises(ValueError, match="heads = 'head'"):
        select_layers(net, heads="head")


def test_include_and_exclude_are_patterns():
    net = ToyConvNet()
    assert list(select_layers(net, include="conv*")) == ["conv1", "conv2"]
    assert list(select_layers(net, include=["conv*", "fc"], exclude=["conv1"])) == ["conv2", "fc"]
    for argument in ("include", "exclude"):
        with pytest.raises(ValueError, match=rf"{argument} = 'cnv\*' .*conv1, conv2, fc"):
            select_layers(net, **{argument: "cnv*"})


def test_head_parameters_are_those_of_the_tasks():
    head = MultiHeadClassifier(4, 2, masking=False)
    head.classifiers["1"] = IncrementalClassifier(4, 2)
    net = nn.Sequential(nn.Linear(3, 4), head)
    second = {id(p) for p in head.classifiers["1"].parameters()}
    assert {id(p) for p in head_parameters(net, None, Experience(1))} == second
    assert len(head_parameters(net, None, Experience(0, 1))) == 4
    single = nn.Sequential(nn.Linear(3, 4), IncrementalClassifier(4, 2))
    assert len(head_parameters(single, None, Experience(0))) == 2


def test_a_shared_parameter_is_refused_by_name():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Embedding(3, 3))
    net[1].weight = net[0].weight
    with pytest.raises(ValueError, match="'0' and '1' share one Parameter"):
        select_layers(net)
    assert list(select_layers(net, exclude=["0", "1"])) == []
    tied = nn.Sequential(nn.Embedding(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    with pytest.raises(ValueError, match="share one Parameter"):
        select_layers(tied)


def test_one_module_under_two_names_is_one_layer():
    shared = nn.Linear(3, 3)
    assert list(select_layers(nn.ModuleList([shared, shared]))) == ["0"]


def test_adapted_layers_are_still_selected():
    net = ToyNet()
    attach(net.fc1, torch.zeros(12, 2))
    assert list(select_layers(net)) == ["fc1", "fc2"]


def test_freeze_keeps_what_the_user_froze_and_release_restores_it():
    net = ToyNet(bias=True)
    net.fc1.bias.requires_grad_(False)
    before = {name: p.requires_grad for name, p in net.named_parameters()}
    mark_task(net)
    freeze(net, [net.fc1.bias, net.fc2.weight])
    trained = [name for name, p in net.named_parameters() if p.requires_grad]
    assert trained == ["fc2.weight"]
    release(net)
    assert {name: p.requires_grad for name, p in net.named_parameters()} == before
    net.requires_grad_(False)
    release(net)  # in no task: nothing happens
    assert not any(p.requires_grad for p in net.parameters())


def test_release_drops_updates_of_the_task_and_no_others():
    net = ToyNet()
    attach(net.fc1, torch.zeros(12, 2))
    release(net)
    assert "fc1.U" in net.state_dict()
    mark_task(net)
    twin = copy.deepcopy(net)
    for model in (net, twin):
        release(model)
        assert type(model.fc1) is nn.Linear
        assert "fc1.U" not in model.state_dict()


def test_frozen_modules_are_described_by_class():
    net = ToyConvNet()
    assert describe_frozen(net, select_layers(net), None) == {"BatchNorm2d": ["bn"]}
    kinds = nn.ModuleList(
        [nn.Embedding(2, 2), nn.ConvTranspose1d(1, 1, 1), nn.GRU(2, 2), nn.MultiheadAttention(2, 1)]
    )
    described = describe_frozen(kinds, select_layers(kinds), None)
    assert set(described) == {"Embedding", "ConvTranspose1d", "GRU", "MultiheadAttention"}


def test_patterns_that_match_inside_a_head_name_the_head_alone():
    assert list(find_heads(ToyNet(), "classifier*")) == ["classifier"]


@pytest.mark.parametrize(
    "container", [nn.ModuleList, lambda heads: nn.ModuleDict(zip("012", heads, strict=True))]
)
def test_a_container_of_heads_is_keyed_by_task_label(container):
    net = nn.Module()
    net.fc, net.heads = nn.Linear(3, 4), container([nn.Linear(4, 2) for _ in range(3)])
    second = list(net.heads.children())[1]
    assert {id(p) for p in head_parameters(net, "heads", Experience(1))} == {
        id(p) for p in second.parameters()
    }
    assert len(head_parameters(net, "heads", Experience(7))) == 6  # no such key: all of them
    assert len(head_parameters(net, "heads", Experience())) == 6
