"""Contract tests: each fails when Avalanche no longer behaves as the work-around assumes."""

import random

import numpy as np
import pytest
import torch
from avalanche.benchmarks import dataset_benchmark
from avalanche.benchmarks.scenarios.online import split_online_stream
from avalanche.core import SupervisedPlugin
from avalanche.training import Naive
from avalanche.training.plugins import EvaluationPlugin
from torch import nn

from ness import compat
from toys import ToyDataset, ToyNet, toy_benchmark, toy_strategy, train_quietly


def online_stream(benchmark, boundaries=True, size=16):
    return split_online_stream(
        benchmark.train_stream, experience_size=size, access_task_boundaries=boundaries
    )


def test_boundaries_of_plain_and_online_experiences():
    benchmark = toy_benchmark(tasks=2)
    plain = benchmark.train_stream[0]
    assert compat.starts_task(plain)
    assert compat.ends_task(plain, 1)
    assert compat.whole_task(plain) is plain
    parts = list(online_stream(benchmark))
    assert [compat.starts_task(p) for p in parts] == [True, False, False] * 2
    assert not parts[2].is_last_subexp  # 48 samples in parts of 16: Avalanche marks none
    assert [compat.ends_task(p, 1 + i % 3) for i, p in enumerate(parts)] == [False, False, True] * 2
    uneven = list(online_stream(benchmark, size=20))
    assert [compat.ends_task(p, 1 + i % 3) for i, p in enumerate(uneven)] == [
        False,
        False,
        True,
    ] * 2
    assert len(compat.whole_task(parts[1]).dataset) == 48
    hidden = next(iter(online_stream(benchmark, boundaries=False)))
    with pytest.raises(ValueError, match="access_task_boundaries=True"):
        compat.starts_task(hidden)


def test_known_task_labels():
    assert compat.known_task_labels(toy_benchmark(tasks=3).train_stream[1]) == {0, 1, 2}
    assert compat.known_task_labels(toy_benchmark(task_labels=False).train_stream[1]) == {0}


def test_evaluation_batches_are_shuffled_once_per_task_and_complete():
    sets = [ToyDataset(t, t, torch.eye(4), (4,), n=33) for t in range(2)]
    both = torch.utils.data.ConcatDataset(sets)
    both.targets = sets[0].targets + sets[1].targets
    both.targets_task_labels = sets[0].targets_task_labels + sets[1].targets_task_labels
    dataset = dataset_benchmark([both], [both]).train_stream[0].dataset
    state = torch.get_rng_state()
    batches = list(compat.evaluation_batches(dataset, batch_size=16, seed=0))
    again = list(compat.evaluation_batches(dataset, batch_size=16, seed=0))
    other = list(compat.evaluation_batches(dataset, batch_size=16, seed=1))
    assert torch.equal(torch.get_rng_state(), state)
    assert [len(b[0]) for b in batches] == [16, 17] * 2
    assert [b[2].unique().tolist() for b in batches] == [[0], [0], [1], [1]]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(batches, again, strict=True))
    assert not torch.equal(batches[0][0], other[0][0])
    seen = torch.cat([b[0] for b in batches])
    everything = torch.cat([s.x for s in sets])
    assert torch.equal(seen.sort(0).values, everything.sort(0).values)
    assert not torch.equal(batches[0][0], sets[0].x[:16])


class AddsParameter(SupervisedPlugin):
    """Adds a parameter in before_training_exp, as an adapter does."""

    def __init__(self, sync):
        super().__init__()
        self.sync = sync

    def before_training_exp(self, strategy, **kwargs):
        model = strategy.model
        model.fc1.extra = nn.Parameter(torch.ones(()))
        model.fc1.register_forward_hook(lambda module, _, y: y * module.extra)
        if self.sync:
            compat.fresh_optimizer(strategy)


@pytest.mark.parametrize("sync", [False, True])
def test_a_parameter_added_before_training_is_trained_only_after_a_fresh_optimizer(sync):
    model = ToyNet()
    strategy = toy_strategy(model, [AddsParameter(sync)])
    strategy.train(toy_benchmark(tasks=1).train_stream[0])
    assert (model.fc1.extra.item() != 1.0) == sync


def groups_of(strategy):
    names = {id(p): name for name, p in strategy.model.named_parameters()}
    return [[names.get(id(p)) for p in g["params"]] for g in strategy.optimizer.param_groups]


def test_new_parameters_join_the_group_of_their_weight_and_dropped_ones_leave():
    model = ToyNet(bias=True)
    weights = [model.fc1.weight, model.fc2.weight]
    rest = [p for p in model.parameters() if all(p is not w for w in weights)]
    optimizer = torch.optim.SGD(
        [{"params": rest, "lr": 0.1}, {"params": weights, "lr": 0.2, "weight_decay": 0.3}], lr=1.0
    )
    strategy = toy_strategy(model, [], optimizer=optimizer)
    model.fc1.U = nn.Parameter(torch.zeros(2))
    stale = model.fc2.bias
    model.fc2.bias = nn.Parameter(torch.zeros(16))
    model.at_the_root = nn.Parameter(torch.zeros(1))
    compat.fresh_optimizer(strategy)
    first, second = groups_of(strategy)
    assert set(second) == {"fc1.weight", "fc1.U", "fc2.weight", "fc2.bias"}
    assert {"fc1.bias", "at_the_root"} <= set(first)
    assert all(p is not stale for g in optimizer.param_groups for p in g["params"])
    assert [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [(0.1, 0), (0.2, 0.3)]


def test_momentum_survives_a_task_in_avalanche_but_not_a_fresh_optimizer():
    strategy = toy_strategy(ToyNet(), [])
    strategy.train(toy_benchmark(tasks=1).train_stream[0])
    assert any("momentum_buffer" in state for state in strategy.optimizer.state.values())
    compat.fresh_optimizer(strategy)
    assert not any("momentum_buffer" in state for state in strategy.optimizer.state.values())


OPTIMIZERS = [
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.Adamax,
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adafactor,
    torch.optim.ASGD,
    torch.optim.RMSprop,
    torch.optim.Rprop,
]


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_a_fresh_optimizer_steps_like_a_new_one(kind):
    def steps(optimizer, parameter):
        for i in range(3):
            parameter.grad = torch.full_like(parameter, i + 1.0)
            optimizer.step()
        return parameter.detach().clone()

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 2, bias=False))
    start = model[0].weight.detach().clone()
    strategy = toy_strategy(model, [], optimizer=kind(model.parameters(), lr=0.01))
    steps(strategy.optimizer, model[0].weight)
    with torch.no_grad():
        model[0].weight.copy_(start)
    compat.fresh_optimizer(strategy)
    reused = steps(strategy.optimizer, model[0].weight)
    twin = nn.Parameter(start.clone())
    assert torch.equal(reused, steps(kind([twin], lr=0.01), twin))


def test_evaluation_draws_random_numbers_and_isolated_rng_hides_it():
    strategy = Naive(
        model=ToyNet(),
        optimizer=torch.optim.SGD(ToyNet().parameters(), lr=0.1),
        eval_mb_size=16,
        evaluator=EvaluationPlugin(loggers=[]),
    )
    stream = toy_benchmark().test_stream
    before = torch.get_rng_state()
    strategy.eval(stream)
    assert not torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    with compat.isolated_rng():
        strategy.eval(stream)
        random.random(), np.random.rand(), torch.rand(1)
    inside = (torch.rand(1).item(), random.random(), np.random.rand())
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    assert inside == (torch.rand(1).item(), random.random(), np.random.rand())


def test_wrapped_and_compiled_models_are_refused_by_name():
    compat.refuse_wrapped(ToyNet(), "NESS")
    with pytest.raises(ValueError, match="NESS cannot adapt a model inside DataParallel"):
        compat.refuse_wrapped(nn.DataParallel(ToyNet()), "NESS")
    with pytest.raises(ValueError, match=r"compiled .*adapt it, then compile"):
        compat.refuse_wrapped(torch.compile(ToyNet()), "NESS")
    model = ToyNet()
    model.fc1.compile()
    with pytest.raises(ValueError, match="compiled Linear at 'fc1'"):
        compat.refuse_wrapped(model, "NESS")


def test_training_without_task_boundaries_is_refused_in_training():
    from ness import NESSPlugin

    net = nn.Sequential(nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2))
    strategy = toy_strategy(net, [NESSPlugin(heads="2")])
    hidden = next(iter(online_stream(toy_benchmark(), boundaries=False)))
    with pytest.raises(ValueError, match="access_task_boundaries"):
        train_quietly(strategy, hidden)
