"""The faults of the authors' codes: off by default, reproduced where asked for."""

import pytest
import torch

import baselines
from baselines.adam_nscl import ApproximateNullSpace
from baselines.gpm import GPM
from baselines.trgp import TRGP
from ness import NESSPlugin
from ness.nullspace import null_space
from toys import ToyBatchNormNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


def learn(plugin, model=None, tasks=3, shape=(12,), **kwargs):
    torch.manual_seed(0)
    model = model or ToyNet()
    strategy = toy_strategy(model, [plugin], **kwargs)
    for experience in toy_benchmark(tasks, shape=shape, rank=4).train_stream:
        train_quietly(strategy, experience)
    return model


def test_ness_with_fewer_samples_than_inputs_freezes_the_layer():
    # protocol.md 4a: d = 1024, n = 500 ReLU-like features: NaN, rank 0; clamped, 664 of 1024.
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(100, 256, generator=generator).relu()
    M = (x.T @ x).double()
    assert null_space(M, nan_freezes=True).rank == 0
    assert null_space(M).rank >= 156
    # Where nothing is rank-deficient both agree.
    x = torch.randn(4000, 32, generator=generator)
    M = (x.T @ x).double()
    theirs, ours = null_space(M, eps=0.0312, nan_freezes=True), null_space(M, eps=0.0312)
    assert 0 < ours.rank < 32
    assert theirs.rank == ours.rank


def test_ness_may_protect_the_first_task_alone():
    plugin = NESSPlugin(as_released=["first_task_only"])
    learn(plugin)
    x = torch.stack([sample[0] for sample in toy_benchmark(rank=4).train_stream[0].dataset])
    torch.testing.assert_close(plugin.M["fc1"], (x.T @ x).double(), rtol=1e-5, atol=1e-5)


def test_gpm_passes_a_threshold_of_one_and_freezes_the_trunk():
    free = {}
    for faults in ((), ("threshold_beyond_one",)):
        plugin = GPM(threshold=0.9, increment=0.2, as_released=faults)
        torch.manual_seed(0)
        model = ToyNet()
        strategy = toy_strategy(model, [plugin])
        for experience in toy_benchmark(tasks=2, rank=4).train_stream:
            train_quietly(strategy, experience)
        free[faults] = 12 - int(plugin.C["fc1"].any(0).sum())
    assert free[()] >= 4
    assert free["threshold_beyond_one",] == 0


def test_gpm_takes_one_vector_less_in_task_one():
    M = torch.diag(torch.tensor([8.0, 1.5, 0.5], dtype=torch.float64))
    sizes = []
    for faults in ((), ("one_less",)):
        plugin = GPM(threshold=0.9, as_released=faults)
        plugin.remember("fc", M)
        sizes.append(plugin.C["fc"].shape[1])
    assert sizes == [2, 1]


def test_adam_nscl_anchors_its_rule_on_rounding_noise():
    # Rank 20 of 64: 44 directions are null, but their float32 singular values differ.
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(200, 20, generator=generator) @ torch.randn(20, 64, generator=generator)
    X = (rows.T @ rows).double()
    ours = ApproximateNullSpace(X, 10.0, torch.ones(1))
    theirs = ApproximateNullSpace(X, 10.0, torch.ones(1), noise_floor=True)
    assert int(ours.ranks) >= 44
    assert int(theirs.ranks) < 44


def test_trgp_leaves_the_strongest_new_direction_unprotected_and_trains_norms():
    kept = {}
    for faults in ((), ("drops_strongest",)):
        plugin = TRGP(as_released=faults)
        learn(plugin, tasks=2)
        kept[faults] = plugin.C["fc1"].shape[1]
    assert kept["drops_strongest",] == kept[()] - 1
    moved = {}
    for faults in ((), ("trains_norms",)):
        plugin = TRGP(as_released=faults)
        model = ToyBatchNormNet()
        learn(plugin, model, tasks=1, shape=(2, 6, 6))
        before = trunk(model)
        strategy = plugin._strategy
        train_quietly(strategy, toy_benchmark(2, shape=(2, 6, 6), rank=4).train_stream[1])
        moved[faults] = not torch.equal(trunk(model)["bn1.weight"], before["bn1.weight"])
    assert moved == {(): False, ("trains_norms",): True}


@pytest.mark.parametrize("name", ["ness", "gpm", "sgp", "trgp", "dfgp", "adam_nscl"])
def test_a_fault_that_is_none_is_named(name):
    with pytest.raises(ValueError, match="as_released = 'typo' is unknown; choose among"):
        baselines.load(name)(as_released=["typo"])
    assert not baselines.load(name)().__dict__.get("as_released")
