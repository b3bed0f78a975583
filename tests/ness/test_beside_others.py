"""NESS beside Avalanche's own plugins, before and after it in the list."""

import pytest
import torch
from avalanche.core import SupervisedPlugin
from avalanche.training.plugins import (
    AGEMPlugin,
    EWCPlugin,
    LRSchedulerPlugin,
    LwFPlugin,
    MASPlugin,
    ReplayPlugin,
    RWalkPlugin,
    SynapticIntelligencePlugin,
)

from ness import NESSPlugin
from ness.attached import Attached
from toys import OneHead, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


def scheduler(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    return optimizer, LRSchedulerPlugin(schedule)


OTHERS = {
    "lwf": lambda: LwFPlugin(alpha=1.0),
    "replay": lambda: ReplayPlugin(mem_size=24),
    "agem": lambda: AGEMPlugin(patterns_per_experience=16, sample_size=16),
}
ORDERS = pytest.mark.parametrize("ness_first", [False, True])
HEADS = pytest.mark.parametrize("one_head", [False, True])


def learn(other, ness_first, one_head, tasks=3, epochs=5):
    torch.manual_seed(0)
    model = OneHead(ToyNet(), 2) if one_head else ToyNet()
    ness = NESSPlugin(eps=0.05, **({"heads": "classifier"} if one_head else {}))
    plugins = [ness, other] if ness_first else [other, ness]
    strategy = toy_strategy(model, plugins, epochs=epochs)
    stream = toy_benchmark(tasks, rank=4, task_labels=not one_head).train_stream
    before = []
    for experience in stream:
        before.append(trunk(model))
        train_quietly(strategy, experience)
    return model, ness, stream, before


@HEADS
@ORDERS
@pytest.mark.parametrize("name", OTHERS)
def test_the_update_stays_in_the_null_space_and_the_model_is_left_clean(name, ness_first, one_head):
    model, _, _, before = learn(OTHERS[name](), ness_first, one_head, tasks=2)
    prefix = "trunk." if one_head else ""
    torch.manual_seed(0)
    twin = OneHead(ToyNet(), 2) if one_head else ToyNet()
    again = NESSPlugin(eps=0.05, **({"heads": "classifier"} if one_head else {}))
    stream = toy_benchmark(2, rank=4, task_labels=not one_head).train_stream
    train_quietly(toy_strategy(twin, [again], epochs=5), stream[0])
    for layer in (f"{prefix}fc1", f"{prefix}fc2"):
        # In task 1 none of the others does anything yet, so the twin learnt the same.
        assert torch.equal(trunk(twin)[f"{layer}.weight"], before[1][f"{layer}.weight"])
        V = again.basis(layer).V.float()
        dW = trunk(model)[f"{layer}.weight"] - before[1][f"{layer}.weight"]
        assert dW.norm() > 1e-4
        assert (dW - dW @ V @ V.T).norm() < 1e-5
    for module in model.modules():
        assert not isinstance(module, Attached)
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


@ORDERS
@pytest.mark.parametrize("name", OTHERS)
def test_replayed_samples_never_enter_the_moments(name, ness_first):
    _, ness, stream, _ = learn(OTHERS[name](), ness_first, False)
    inputs = [torch.stack([sample[0] for sample in part.dataset]) for part in stream]
    x = torch.cat(inputs).double()
    assert len(x) == 3 * 48
    torch.testing.assert_close(ness.M["fc1"], x.T @ x, rtol=1e-5, atol=1e-4)


@ORDERS
def test_replay_does_mix_old_samples_into_training(ness_first):
    class Count(SupervisedPlugin):
        def after_training_iteration(self, strategy, **kwargs):
            labels.append(set(strategy.mb_task_id.tolist()))

    labels = []
    torch.manual_seed(0)
    plugins = [NESSPlugin(eps=0.05), ReplayPlugin(mem_size=24)]
    strategy = toy_strategy(ToyNet(), [*(plugins if ness_first else plugins[::-1]), Count()])
    for experience in toy_benchmark(2).train_stream:
        train_quietly(strategy, experience)
    assert labels[0] == {0}
    assert labels[-1] == {0, 1}


@ORDERS
def test_schedulers_go_on_stepping_the_optimiser_that_trains(ness_first):
    class Rates(SupervisedPlugin):
        def before_training_epoch(self, strategy, **kwargs):
            rates.append(strategy.optimizer.param_groups[0]["lr"])
            held = {id(p) for g in strategy.optimizer.param_groups for p in g["params"]}
            assert all(id(p) in held for p in strategy.model.parameters())

    rates = []
    torch.manual_seed(0)
    model = ToyNet()
    optimizer, schedule = scheduler(model)
    plugins = [NESSPlugin(eps=0.05), schedule]
    plugins = [*(plugins if ness_first else plugins[::-1]), Rates()]
    strategy = toy_strategy(model, plugins, optimizer=optimizer, epochs=3)
    weights = []
    for experience in toy_benchmark(2, rank=4).train_stream:
        weights.append(trunk(model))
        train_quietly(strategy, experience)
    # Avalanche resets the schedule at every task.
    assert rates == pytest.approx([0.05, 0.025, 0.0125] * 2)
    assert not torch.equal(trunk(model)["fc1.weight"], weights[1]["fc1.weight"])


@ORDERS
@pytest.mark.parametrize(
    "importance",
    [
        lambda: EWCPlugin(1.0),
        lambda: SynapticIntelligencePlugin(1.0),
        MASPlugin,
        RWalkPlugin,
    ],
)
def test_methods_that_weigh_parameters_are_refused(importance, ness_first):
    other = importance()
    plugins = [NESSPlugin(), other] if ness_first else [other, NESSPlugin()]
    strategy = toy_strategy(ToyNet(), plugins)
    with pytest.raises(ValueError, match=f"{type(other).__name__} beside NESSPlugin: it penalises"):
        train_quietly(strategy, toy_benchmark().train_stream[0])
