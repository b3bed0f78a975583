"""Controls: frozen trains heads alone, naive everything, random_subspace in random directions."""

import pytest
import torch

import baselines
from baselines.controls import Frozen, RandomSubspace
from baselines.stock import Naive
from ness import NESSPlugin
from ness.rows import weight_matrix
from ness.task_plugin import TaskPlugin
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


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


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_random_subspace_has_the_ranks_of_ness_and_directions_of_its_own(net):
    shape = (12,) if net == "mlp" else (2, 6, 6)
    ranks, spaces = [], []
    for kind in (NESSPlugin, RandomSubspace):
        torch.manual_seed(0)
        model, plugin = ToyNet() if net == "mlp" else ToyConvNet(), kind(eps=0.05)
        strategy = toy_strategy(model, [plugin], epochs=10)
        stream = toy_benchmark(tasks=2, shape=shape, rank=4).train_stream
        train_quietly(strategy, stream[0])
        spaces.append({name: plugin.basis(name) for name in plugin.M})
        before = trunk(model)
        train_quietly(strategy, stream[1])
        ranks.append(plugin.ranks)
    assert ranks[0] == ranks[1]
    for name, space in spaces[1].items():
        gram = space.V.mT @ space.V
        columns = space.V.any(-2).double()
        torch.testing.assert_close(gram, torch.diag_embed(columns))
        assert (space.V - spaces[0][name].V).abs().max() > 0.1
        identity = torch.eye(space.sigma.shape[-1]).double()
        torch.testing.assert_close(
            space.V @ space.V.mT + space.C @ space.C.mT, identity.expand_as(plugin.M[name])
        )
        layer = model.get_submodule(name)
        dW = weight_matrix(layer, layer.weight.detach() - before[f"{name}.weight"])
        assert 0 < torch.linalg.matrix_rank(dW, atol=1e-5).max() <= space.rank
        assert 0 < plugin.interference[name] <= plugin.interference_bound[name]


def test_random_subspace_disturbs_old_inputs_where_ness_does_not():
    # Inputs of task 1 span 4 of 24 dimensions, so 20 directions are free and hurt nobody.
    interference = {}
    for kind in (NESSPlugin, RandomSubspace):
        torch.manual_seed(0)
        strategy = toy_strategy(ToyNet(d=24), [plugin := kind()], epochs=10)
        for experience in toy_benchmark(tasks=2, shape=(24,), rank=4).train_stream:
            train_quietly(strategy, experience)
        assert plugin.ranks["fc1"] == 20
        interference[kind] = plugin.interference["fc1"]
    assert interference[NESSPlugin] < 1e-4
    assert interference[RandomSubspace] > 1e-2


def test_every_registered_name_is_a_plugin():
    for name in baselines.STRATEGIES:
        plugin = baselines.load(name)
        assert issubclass(plugin, TaskPlugin)
        assert plugin.__doc__
