"""Adam-NSCL: the null space it keeps, and that its whole update stays within."""

import pytest
import torch
from avalanche.training.plugins import LRSchedulerPlugin

from baselines.adam_nscl import AdamNSCL, ApproximateNullSpace
from ness import compat
from ness.nullspace import decompose
from ness.rows import weight_matrix
from toys import (
    ToyBatchNormNet,
    ToyConvNet,
    ToyNet,
    toy_benchmark,
    toy_strategy,
    train_quietly,
    trunk,
)


@pytest.mark.parametrize("optimizer", ["adam", "shared"])
@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_updates_lie_in_the_null_space_weight_decay_included(net, optimizer):
    torch.manual_seed(0)
    shape = (12,) if net == "mlp" else (2, 6, 6)
    model = ToyNet() if net == "mlp" else ToyConvNet()
    plugin = AdamNSCL(optimizer=optimizer, lr=0.01, weight_decay=0.1)
    shared = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.1)
    strategy = toy_strategy(model, [plugin], optimizer=shared)
    for task, experience in enumerate(toy_benchmark(tasks=3, shape=shape).train_stream):
        before = trunk(model)
        X = {name: x.clone() for name, x in plugin.X.items()}
        train_quietly(strategy, experience)
        assert strategy.optimizer is shared
        for name, layer in plugin.layers(model).items() if task else ():
            space = ApproximateNullSpace(X[name], plugin.a, layer.weight)
            assert plugin.ranks[name] == space.ranks.max()
            dW = weight_matrix(layer, layer.weight.detach() - before[f"{name}.weight"])
            assert dW.norm() > 1e-5
            assert (dW - space.project(dW) * space.norm).norm() < 1e-5


def written_out(X, a):
    """P = V V^T / ||V V^T||_F and its rank, for one d x d matrix without rounding noise."""
    eigenvalues, eigenvectors = torch.linalg.eigh(X.double())
    positive = eigenvalues[eigenvalues > 1e-9]
    V = eigenvectors[:, eigenvalues <= a * positive.min()]
    return (V @ V.T) / max(1.0, (V @ V.T).norm()), V.shape[1]


@pytest.mark.parametrize("rank", [2, 5])
def test_projection_equals_the_written_out_one_on_both_sides(rank):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(30, rank, generator=generator).double()
    rows = rows @ torch.randn(rank, 6, generator=generator).double()
    delta = torch.randn(3, 6, generator=generator)
    X = rows.T @ rows
    space = ApproximateNullSpace(X, 1.0, delta)
    P, expected_rank = written_out(X, 1.0)
    assert int(space.ranks) == expected_rank
    assert space.mostly_free == (expected_rank > 3)
    torch.testing.assert_close(space.project(delta), delta @ P.float(), atol=1e-5, rtol=1e-5)
    eye = torch.eye(6, dtype=torch.float64)
    both = ApproximateNullSpace(torch.stack([X, eye]), 1.0, delta)
    assert both.ranks.tolist() == [expected_rank, 6]
    grouped = both.project(torch.stack([delta, delta]))
    torch.testing.assert_close(grouped[0], delta @ P.float(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(grouped[1], delta / 6**0.5)


def ranks(X, a):
    return ApproximateNullSpace(X, a, torch.zeros(1)).ranks.tolist()


def test_the_rule_is_anchored_above_rounding_noise():
    X = torch.diag(torch.tensor([1e-12, 1e-9, 1e-3, 5e-3, 2e-2, 1.0]))
    assert ranks(X, 10.0) == 4
    assert ranks(X, 1.0) == 3
    # The authors' own anchor, lambda <= a * lambda_min, keeps one direction of the six.
    eigenvalues = decompose(X)[0]
    assert int((eigenvalues <= 10 * eigenvalues[0]).sum()) == 1


def test_the_rule_at_its_edges():
    assert ranks(torch.zeros(3, 3), 10.0) == 3
    assert ranks(torch.eye(3), 10.0) == 3
    assert ranks(torch.stack([torch.eye(2), torch.diag(torch.tensor([0.1, 9]))]), 2.0) == [2, 1]


def test_covariance_is_that_of_batch_means():
    torch.manual_seed(0)
    model, plugin = ToyNet(), AdamNSCL()
    benchmark = toy_benchmark(tasks=1)
    train_quietly(toy_strategy(model, [plugin], epochs=1), benchmark.train_stream[0])
    # 48 samples make batches of 32 and 16: two means, so a covariance of rank two.
    eigenvalues = decompose(plugin.X["fc1"])[0]
    assert int((eigenvalues > 1e-6 * eigenvalues[-1]).sum()) == 2


def test_norm_layers_are_held_by_ewc_and_their_statistics_move():
    moved = {}
    for coefficient in (0.0, 1e6, None):
        torch.manual_seed(0)
        model, plugin = ToyConvNet(), AdamNSCL(bn_ewc=coefficient, lr_norm=1e-2)
        strategy = toy_strategy(model, [plugin])
        stream = toy_benchmark(tasks=2, shape=(2, 6, 6)).train_stream
        train_quietly(strategy, stream[0])
        before = {name: t.clone() for name, t in model.bn.state_dict().items()}
        train_quietly(strategy, stream[1])
        after = model.bn.state_dict()
        moved[coefficient] = {
            name: (after[name] - before[name]).abs().max().item() for name in before
        }
    assert 0 < moved[1e6]["weight"] < moved[0.0]["weight"]
    assert moved[None]["weight"] == moved[None]["running_mean"] == 0
    assert moved[0.0]["running_mean"] > 0
    assert moved[1e6]["running_mean"] > 0


def test_learning_rates_by_kind_of_parameter():
    model, plugin = ToyConvNet(), AdamNSCL()
    groups = plugin._adam(model).param_groups
    assert [g["lr"] for g in groups] == [1e-4, 1e-3, 5e-4]
    assert [g["weight_decay"] for g in groups] == [5e-5, 0, 0]
    assert {id(p) for p in groups[2]["params"]} == {id(p) for p in model.bn.parameters()}
    plugin.tasks_done = 1
    assert plugin._adam(model).param_groups[0]["lr"] == 5e-5


@pytest.mark.parametrize("arguments", [{"a": 0.5}, {"optimizer": "sgd"}, {"lr": 0.0}])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=r"a =|optimizer|learning rates"):
        AdamNSCL(**arguments)


def test_fisher_information_by_hand_and_one_term_a_task():
    # Squared gradients of the mean loss of each batch of 32 under predicted labels, weighted
    # by the size of the batch, averaged over batches.
    torch.manual_seed(0)
    model, plugin = ToyBatchNormNet(), AdamNSCL()
    strategy = toy_strategy(model, [plugin], epochs=1)
    stream = toy_benchmark(2, shape=(2, 6, 6)).train_stream
    train_quietly(strategy, stream[0])
    norms = [*model.bn1.parameters(), *model.bn2.parameters()]
    names = [f"bn{i}.{part}" for i in (1, 2) for part in ("weight", "bias")]
    expected = [torch.zeros_like(p) for p in norms]
    batches = list(compat.evaluation_batches(stream[0].dataset, batch_size=32, seed=0))
    assert [len(batch[0]) for batch in batches] == [32, 16]
    model.eval()
    for x, _, t in batches:
        logits = model(x, t)
        loss = torch.nn.functional.cross_entropy(logits, logits.argmax(1))
        for total, g in zip(expected, torch.autograd.grad(loss, norms), strict=True):
            total += g**2 * len(x) / 2
    for name, total in zip(names, expected, strict=True):
        importance, mean = plugin._ewc[0][name]
        torch.testing.assert_close(importance, total, rtol=1e-4, atol=1e-9)
        assert torch.equal(mean, dict(model.named_parameters())[name])
    train_quietly(strategy, stream[1])
    assert len(plugin._ewc) == 2
    strategy.experience = stream[1]
    plugin.begin_task(strategy)
    assert len(plugin._held) == 2 * len(names)  # every term of every task is charged


def test_a_scheduler_of_another_optimiser_is_refused():
    def strategy(**arguments):
        model = ToyNet()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        plugins = [AdamNSCL(**arguments), LRSchedulerPlugin(schedule)]
        return toy_strategy(model, plugins, optimizer=optimizer)

    first = toy_benchmark().train_stream[0]
    with pytest.raises(
        ValueError, match=r"LRSchedulerPlugin beside AdamNSCL.*optimizer = 'shared'"
    ):
        train_quietly(strategy(), first)
    train_quietly(strategy(optimizer="shared"), first)
