"""Our batches hold what Avalanche's loader gives, in an order that the seed alone decides."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from avalanche.core import SupervisedPlugin
from avalanche.training.templates import SupervisedTemplate
from small_runs import make_strategy, run_spec
from torch import Tensor

from benchmarks import loading
from benchmarks.build import load_stream
from benchmarks.loading import JoinedLast, TensorBatches
from benchmarks.streams.split import Split
from ness import compat

STREAM = load_stream(run_spec(), None)


def batches(
    size: int = 32, *, seed: int = 1, reshuffle: bool = True, split: Split | None = None
) -> TensorBatches:
    return TensorBatches(
        STREAM.tasks[0].train if split is None else split,
        STREAM.normalisation,
        size,
        seed=seed,
        reshuffle=reshuffle,
        device=torch.device("cpu"),
    )


def joined(made: Any) -> list[Tensor]:
    return [torch.cat(parts) for parts in zip(*made, strict=True)]


def of_size(n: int) -> Split:
    whole = STREAM.tasks[0].train
    return Split(whole.x[:n], whole.y[:n], whole.task[:n])


def test_every_sample_comes_once_a_pass() -> None:
    made = list(batches())
    assert [len(y) for _, y, _ in made] == [32] * 7 + [6]
    x, y, task = joined(made)
    split = STREAM.tasks[0].train
    expected = sorted(zip(split.x.flatten(1).tolist(), split.y.tolist(), strict=True))
    assert sorted(zip((x * 16).flatten(1).tolist(), y.tolist(), strict=True)) == expected
    assert task.unique().tolist() == [0]


def test_the_order_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = [joined(made)[0] for made in [batches()] * 2]
    torch.manual_seed(2)
    loader = batches()
    state = torch.get_rng_state()
    again = []
    for _ in range(2):
        again.append(joined(loader)[0])
        torch.rand(5)
    assert torch.equal(first[0], again[0])
    assert not torch.equal(again[0], again[1]), "a new order at every pass"
    assert not torch.equal(joined(batches(seed=2))[0], first[0])
    torch.set_rng_state(state)
    joined(loader)
    assert torch.equal(torch.get_rng_state(), state)


def test_evaluation_has_one_order_that_is_not_sorted_by_class() -> None:
    loader = batches(reshuffle=False, split=STREAM.union("test"))
    first, second = joined(loader), joined(loader)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(first[1][:32].unique()) == 2
    assert len(first[2][:32].unique()) == 3, "tasks are mixed"


@pytest.mark.parametrize(
    ("n", "size", "lengths"),
    [(65, 32, [32, 33]), (66, 32, [32, 32, 2]), (1, 32, [1]), (33, 32, [33]), (3, 1, [1, 1, 1])],
)
def test_a_last_batch_of_one_joins_the_batch_before(n: int, size: int, lengths: list[int]) -> None:
    loader = batches(size, split=of_size(n))
    assert [len(y) for _, y, _ in loader] == lengths
    assert len(loader) == len(lengths)


@pytest.mark.parametrize("reshuffle", [True, False])
def test_a_split_that_is_kept_normalised_gives_the_same_batches(
    reshuffle: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = batches(reshuffle=reshuffle)
    monkeypatch.setattr(loading, "KEPT", STREAM.tasks[0].train.x.numel() * 4 - 1)
    too_large = batches(reshuffle=reshuffle)
    assert (kept.normalised, too_large.normalised) == (reshuffle, False)
    for _ in range(2):
        for ours, theirs in zip(kept, too_large, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("reshuffle", [True, False])
def test_a_batch_may_be_written_to(reshuffle: bool) -> None:
    loader = batches(reshuffle=reshuffle)
    before = joined(loader)
    for batch in loader:
        for part in batch:
            part.fill_(7)
    after = joined(loader)
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a.flatten().sort().values, b.flatten().sort().values)


class Seen(SupervisedPlugin[Any]):
    """The batches that a strategy trained on and evaluated."""

    def __init__(self) -> None:
        super().__init__()
        self.train: list[list[Tensor]] = []
        self.evaluated: list[list[Tensor]] = []
        self.loaders: set[type] = set()

    def after_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.train.append([part.clone() for part in strategy.mbatch])
        self.loaders.add(type(strategy.dataloader))

    def after_eval_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.evaluated.append([part.clone() for part in strategy.mbatch])
        self.loaders.add(type(strategy.dataloader))


def samples(made: list[list[Tensor]]) -> list[tuple[list[float], int, int]]:
    x, y, task = joined(made)
    return sorted(zip(x.flatten(1).tolist(), y.tolist(), task.tolist(), strict=True))


def test_avalanches_own_loader_gives_the_same_samples() -> None:
    spec = run_spec("naive", "protocol.epochs=1")
    ours, theirs = Seen(), Seen()
    strategy = make_strategy(spec, [ours])
    plain = make_strategy(spec, [theirs])
    # Avalanche's methods in place of ours, on a strategy that is otherwise the same.
    plain.make_train_dataloader = lambda **kw: SupervisedTemplate.make_train_dataloader(plain, **kw)
    plain.make_eval_dataloader = lambda **kw: SupervisedTemplate.make_eval_dataloader(plain, **kw)
    benchmark = STREAM.benchmark()
    for each in (strategy, plain):
        each.train(benchmark.train_stream[1])
        each.eval(benchmark.test_stream[2])
    assert samples(ours.train) == samples(theirs.train)
    assert samples(ours.evaluated) == samples(theirs.evaluated)
    assert ours.loaders == {TensorBatches}
    assert TensorBatches not in theirs.loaders


class Subset(SupervisedPlugin[Any]):
    """A plugin that changes what a task trains on, as replay does."""

    def after_train_dataset_adaptation(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        strategy.adapted_dataset = strategy.adapted_dataset.subset(range(10))


def test_a_plugin_that_changes_the_data_is_obeyed() -> None:
    seen = Seen()
    strategy = make_strategy(run_spec("naive", "protocol.epochs=1"), [Subset(), seen])
    strategy.train(STREAM.benchmark().train_stream[0])
    assert sum(len(y) for _, y, _ in seen.train) == 10


@pytest.mark.parametrize(
    ("sizes", "joined_sizes"), [([4, 4, 1], [4, 5]), ([4, 4], [4, 4]), ([1], [1]), ([], [])]
)
def test_a_last_batch_of_one_joins_the_one_before(
    sizes: list[int], joined_sizes: list[int]
) -> None:
    x = torch.arange(float(sum(sizes)))
    loader = [[part, -part] for part in x.split(sizes)]
    made = list(JoinedLast(loader))
    assert [len(batch[0]) for batch in made] == joined_sizes
    if made:
        assert torch.equal(torch.cat([batch[0] for batch in made]), x)
        assert torch.equal(torch.cat([batch[1] for batch in made]), -x)


@pytest.mark.parametrize("scenario", ["til", "cil", "dil"])
def test_a_methods_own_passes_are_what_avalanches_data_set_gives(scenario: str) -> None:
    strategy = make_strategy(run_spec("ness", f"stream=split_digits/{scenario}"), [])
    experience = strategy.stream.benchmark().train_stream[1]
    for size in (64, 7):
        ours = list(strategy.task_batches(experience, batch_size=size, seed=3))
        theirs = list(compat.task_batches(experience, batch_size=size, seed=3))
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
