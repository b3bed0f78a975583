"""The schedule of this literature, against a reference written from its description."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from avalanche.core import SupervisedPlugin
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import make_strategy, run_spec, same_tensors

import baselines
from benchmarks import protocol
from benchmarks.loading import StreamStrategy
from benchmarks.protocol import Diverged, Epoch, Protocol
from benchmarks.spec import RunSpec

Script = Callable[[int, int], float]


def reference(
    losses: list[float], lr: float, patience: int, factor: float, lr_min: float
) -> tuple[list[float], int]:
    """LR of each epoch trained, and the best epoch (protocol.md, section 1, "LR schedule")."""
    best, best_epoch, left, trace = math.inf, 0, patience, []
    for epoch, loss in enumerate(losses):
        trace.append(lr)
        if loss < best:
            best, best_epoch, left = loss, epoch, patience
            continue
        left -= 1
        if left == 0:
            lr /= factor
            if lr < lr_min:
                break
            left = patience
    return trace, best_epoch


class Trained:
    """Tasks trained under scripted validation losses: the trace and the weights of each epoch."""

    def __init__(
        self,
        spec: RunSpec,
        script: Script,
        tasks: int = 1,
        extra: list[Any] | None = None,
        *,
        one_call: bool = False,
    ) -> None:
        self.epochs: list[Epoch] = []
        self.weights: dict[tuple[int, int], dict[str, torch.Tensor]] = {}
        self.ends: list[dict[str, torch.Tensor]] = []
        self.plugin = Protocol(spec.protocol, seed=1, on_epoch=self._note)
        self.strategy: StreamStrategy = make_strategy(spec, [*(extra or []), self.plugin])
        benchmark = self.strategy.stream.benchmark()
        original = protocol.validation_loss
        protocol.validation_loss = lambda strategy: script(
            strategy.experience.current_experience, self.plugin.epochs_done
        )
        try:
            experiences = benchmark.train_stream[:tasks]
            for part in [experiences] if one_call else experiences:
                self.strategy.train(part, eval_streams=[])
                self.ends.append(self._snapshot())
        finally:
            protocol.validation_loss = original

    def _snapshot(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self.strategy.model.state_dict().items()}

    def _note(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self.weights[epoch.task, epoch.epoch] = self._snapshot()

    def lrs(self, task: int = 0) -> list[float]:
        return [epoch.lr for epoch in self.epochs if epoch.task == task]


def spec_of(epochs: int, lr: float, patience: int, factor: float, lr_min: float) -> RunSpec:
    return run_spec(
        "naive",
        f"protocol={{epochs={epochs}, batch_size=256, patience={patience}, factor={factor}, "
        f"lr_min={lr_min!r}}}",
        f"optimizer.lr={lr}",
    )


def test_a_hand_made_trace() -> None:
    """Improve, wait two epochs, halve; two more, halve; two more: below lr_min, stop."""
    losses = [1.0, 0.9, 0.9, 0.95, 0.9, 0.9, 0.8, 0.8, 0.8, 0.7, 0.6, 0.5]
    trained = Trained(spec_of(12, 0.4, 2, 2.0, 0.1), lambda task, epoch: losses[epoch])
    lrs = [0.4] * 4 + [0.2] * 2 + [0.1] * 3
    assert trained.lrs() == lrs
    assert trained.plugin.epochs_done == len(lrs)
    assert same_tensors(trained.ends[0], trained.weights[0, 6])


@settings(max_examples=40, deadline=None)
@given(
    losses=st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0]), min_size=1, max_size=10),
    patience=st.integers(1, 3),
    factor=st.sampled_from([2.0, 4.0]),
    lr_min=st.sampled_from([0.0, 0.1, 0.125, 0.25, 1.0]),
)
def test_any_trace_follows_the_reference(
    losses: list[float], patience: int, factor: float, lr_min: float
) -> None:
    lr = 0.5
    trained = Trained(
        spec_of(len(losses), lr, patience, factor, lr_min), lambda task, epoch: losses[epoch]
    )
    lrs, best = reference(losses, lr, patience, factor, lr_min)
    assert trained.lrs() == lrs
    assert same_tensors(trained.ends[0], trained.weights[0, best])


class TrueRate(SupervisedPlugin[Any]):
    """The learning rates that the optimiser stepped with."""

    def __init__(self) -> None:
        super().__init__()
        self.lrs: list[float] = []

    def after_training_epoch(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.lrs += [group["lr"] for group in strategy.optimizer.param_groups]


def test_the_optimiser_steps_at_the_rate_that_the_trace_says() -> None:
    spec, rates = spec_of(6, 0.4, 1, 2.0, 0.0), TrueRate()
    # Protocol puts itself first, so the rate seen after an epoch is that of the next one.
    trained = Trained(spec, lambda task, epoch: 1.0, tasks=2, extra=[rates])
    assert trained.lrs(0) == trained.lrs(1) == [0.4, 0.4, 0.2, 0.1, 0.05, 0.025]
    assert rates.lrs[:5] == trained.lrs(0)[1:]
    assert [g["lr"] for g in trained.strategy.optimizer.param_groups] == [0.4]


def test_the_best_weights_are_restored_when_the_epochs_end_first() -> None:
    trained = Trained(spec_of(4, 0.1, 6, 2.0, 0.0), lambda task, epoch: [3.0, 1, 2, 4][epoch])
    assert same_tensors(trained.ends[0], trained.weights[0, 1])
    assert not same_tensors(trained.ends[0], trained.weights[0, 3])


def test_with_keep_last_the_schedule_is_the_same_and_the_last_weights_stay() -> None:
    losses = [1.0, 0.9, 0.9, 0.95, 0.9, 0.9, 0.8, 0.8, 0.8, 0.7]
    best = spec_of(10, 0.4, 2, 2.0, 0.1)
    last = best.model_copy(update={"protocol": best.protocol.model_copy(update={"keep": "last"})})
    kept, stayed = (Trained(spec, lambda task, epoch: losses[epoch]) for spec in (best, last))
    assert stayed.lrs() == kept.lrs() == [0.4] * 4 + [0.2] * 2 + [0.1] * 3
    assert kept.plugin.kept_epoch == 7
    assert stayed.plugin.kept_epoch == stayed.plugin.epochs_done == 9
    assert same_tensors(kept.ends[0], kept.weights[0, 6])
    assert same_tensors(stayed.ends[0], kept.weights[0, 8])
    assert not same_tensors(stayed.ends[0], kept.ends[0])


def test_a_stop_asked_for_in_the_last_epoch_does_not_leak_into_the_next_task() -> None:
    """Also where one call trains the whole stream: Avalanche resets its flag once a call."""
    spec = spec_of(3, 0.1, 2, 2.0, 0.09)  # the second epoch without progress is the last one

    def script(task: int, epoch: int) -> float:
        return 1.0 if epoch == 0 else 2.0

    for one_call in (False, True):
        trained = Trained(spec, script, tasks=3, one_call=one_call)
        assert [len(trained.lrs(task)) for task in range(3)] == [3, 3, 3]
        assert [trained.lrs(task)[0] for task in range(3)] == [0.1] * 3


def test_a_stop_before_the_last_epoch_ends_that_task_alone() -> None:
    spec = spec_of(5, 0.1, 1, 2.0, 0.09)
    trained = Trained(spec, lambda task, epoch: 1.0 if task else float(epoch), tasks=2)
    assert [len(trained.lrs(task)) for task in range(2)] == [2, 2]
    trained = Trained(spec, lambda task, epoch: -epoch if task else float(epoch), tasks=2)
    assert [len(trained.lrs(task)) for task in range(2)] == [2, 5]


def test_momentum_starts_afresh_with_each_task() -> None:
    class Buffers(SupervisedPlugin[Any]):
        seen: list[int]

        def before_training_epoch(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
            state = strategy.optimizer.state.values()
            self.seen.append(sum(s.get("momentum_buffer") is not None for s in state))

    buffers = Buffers()
    buffers.seen = []
    Trained(spec_of(2, 0.1, 6, 2.0, 0.0), lambda t, e: 1.0, tasks=2, extra=[buffers])
    assert buffers.seen[0] == buffers.seen[2] == 0
    assert buffers.seen[1] > 0


@pytest.mark.parametrize("name", ["ness", "gpm", "adam_nscl", "lora", "frozen"])
def test_the_place_in_the_plugin_list_does_not_matter(name: str) -> None:
    spec = run_spec(name, "protocol.epochs=3")

    def weights(first: str) -> dict[str, torch.Tensor]:
        schedule = Protocol(spec.protocol, seed=1)
        method = baselines.load(name)(**spec.strategy_args)
        plugins = [schedule, method] if first == "protocol" else [method, schedule]
        strategy = make_strategy(spec, plugins)
        for experience in strategy.stream.benchmark().train_stream:
            torch.manual_seed(7)  # LoRA's factors
            strategy.train(experience, eval_streams=[])
        return strategy.model.state_dict() | {
            key: value
            for part in method.state_dict().values()
            if isinstance(part, dict)
            for key, value in part.items()
        }

    # The first epoch is the best: a method that looked before the restoring saw other weights.
    original = protocol.validation_loss
    protocol.validation_loss = lambda strategy: float(strategy.clock.train_exp_epochs)
    try:
        assert same_tensors(weights("protocol"), weights("method"))
    finally:
        protocol.validation_loss = original


def test_validation_loss_is_the_mean_over_samples_in_eval_mode() -> None:
    spec = run_spec("naive", "protocol.eval_batch_size=7", "protocol.epochs=1")
    strategy = make_strategy(spec, [])
    strategy.experience = strategy.stream.benchmark().train_stream[1]
    split = strategy.stream.tasks[1].valid
    strategy.model.train()
    state = torch.get_rng_state()
    loss = protocol.validation_loss(strategy)
    assert strategy.model.training
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        logits = strategy.model(strategy.stream.normalisation(split.x), split.task)
    expected = torch.nn.functional.cross_entropy(logits, split.y)
    assert loss == pytest.approx(float(expected), rel=1e-5)


class Poison(SupervisedPlugin[Any]):
    """Makes the loss infinite or NaN from one epoch of one task on."""

    def __init__(self, task: int, epoch: int, value: float) -> None:
        super().__init__()
        self.at, self.value = (task, epoch), value

    def before_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if (strategy.experience.current_experience, strategy.clock.train_exp_epochs) == self.at:
            strategy.loss = strategy.loss * self.value


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_task_and_epoch(value: float) -> None:
    spec = spec_of(3, 0.1, 6, 2.0, 0.0)
    with pytest.raises(Diverged, match=r"training loss is (nan|inf) at task 2, epoch 3"):
        Trained(spec, lambda task, epoch: 1.0, tasks=2, extra=[Poison(1, 2, value)])
    with pytest.raises(Diverged, match=r"validation loss is (nan|inf) at task 1, epoch 2"):
        Trained(spec, lambda task, epoch: 1.0 if epoch == 0 else value)
