"""What `make speed` times: real training of NESS, with the ranks of stored runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from itertools import islice

import pytest
import torch

from benchmarks.build import build_model
from benchmarks.speed import consolidation, measure, step
from benchmarks.speed.learner import Learner
from benchmarks.speed.nets import NETS, Net, smooth_images
from benchmarks.speed.quantities import KINDS, QUANTITIES, Kind, names
from ness.attached import Attached, adapted_layers
from ness.layers import select_layers
from ness.nullspace import null_space
from ness.projected import ProjectedWeight
from ness.rows import weight_columns

RANKS = {"fc1": 9, "fc2": 0}


class Tiny(Net):
    def ranks(self) -> dict[str, int]:
        return RANKS


TINY = Tiny("mlp", {"hidden": [12, 10]}, (1, 4, 4), 2, samples=160, ranks_from="", tasks=4)


@pytest.fixture(autouse=True)
def without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def in_second_task(form: str, ranks: Mapping[str, int]) -> Learner:
    M = step.moments({"fc1": 16, "fc2": 12}, ranks, "cpu")
    return step.learner(TINY, TINY.stream(), "cpu", M, form=form)


@pytest.mark.parametrize("name", NETS)
def test_stored_ranks_are_those_of_the_layers_that_are_timed(name: str) -> None:
    net = NETS[name]
    small = Net(net.backbone, net.backbone_args, net.input_shape, net.classes, 2, net.ranks_from)
    layers = select_layers(build_model(small.spec("ness", "cpu"), small.stream()))
    ranks = net.ranks()
    assert ranks.keys() == layers.keys()
    assert all(0 <= ranks[layer] <= weight_columns(layers[layer]) for layer in layers)
    assert any(ranks.values())


@pytest.mark.parametrize("rank", [0, 1, 9, 15, 16])
def test_moments_leave_exactly_the_wanted_rank(rank: int) -> None:
    M = step.moments({"a": 16}, {"a": rank}, "cpu")["a"]
    space = null_space(M, eps=step.ENERGY, rule="energy")
    assert space.rank == rank
    assert torch.allclose(M @ space.V, torch.zeros(16, rank, dtype=M.dtype), atol=1e-12)


def test_ranks_of_other_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        step.moments({"a": 16}, {"b": 3}, "cpu")
    with pytest.raises(ValueError, match="do not fit"):
        step.moments({"a": 16}, {"a": 17}, "cpu")


def test_the_ness_side_trains_projected_within_the_wanted_ranks() -> None:
    ness = in_second_task("projected", RANKS)
    assert ness.plugin.ranks == RANKS
    attached = adapted_layers(ness.plugin.layers(ness.model))
    assert {name: type(layer).__mro__[1] for name, layer in attached.items()} == {
        "fc1": ProjectedWeight
    }
    fc1 = attached["fc1"]
    before = {name: p.detach().clone() for name, p in ness.model.named_parameters()}
    batches = ness.strategy.batches("train", step.TASK, train=True)
    ness.epoch(batches)
    moved = {n for n, p in ness.model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"fc1.weight", "heads.classifiers.1.weight"}
    update = (fc1.weight - before["fc1.weight"]).detach().double()
    singular = torch.linalg.svdvals(update)
    assert int((singular > 1e-3 * singular[0]).sum()) == RANKS["fc1"]  # less is rounding
    M = step.moments({"fc1": 16, "fc2": 12}, RANKS, "cpu")["fc1"]
    assert float((update @ M).norm()) < 1e-3 * float(update.norm())


def test_all_forms_that_are_compared_end_with_the_same_weights() -> None:
    ends = {}
    for form in ("auto", "projected", "fold", "factored"):
        learner = in_second_task(form, {"fc1": 9, "fc2": 5})
        batches = learner.strategy.batches("train", step.TASK, train=True)
        for _ in range(3):
            learner.epoch(batches)
        layers = learner.plugin.layers(learner.model)
        assert all(isinstance(layer, Attached) for layer in layers.values())
        for layer in adapted_layers(layers).values():
            layer.merge()
        ends[form] = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    for form in ("fold", "factored"):
        for name, value in ends["auto"].items():
            torch.testing.assert_close(value, ends[form][name], rtol=1e-5, atol=1e-6)


def test_the_frozen_side_trains_the_current_head_alone() -> None:
    frozen = step.learner(TINY, TINY.stream(), "cpu", strategy="frozen")
    before = {name: p.detach().clone() for name, p in frozen.model.named_parameters()}
    frozen.epoch(frozen.strategy.batches("train", step.TASK, train=True))
    moved = {n for n, p in frozen.model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"heads.classifiers.1.weight"}


def test_a_step_is_that_of_the_run_bit_for_bit() -> None:
    """By hand, and through Avalanche's own loop."""
    by_hand, through = (Learner(TINY.spec("naive", "cpu"), TINY.stream()) for _ in range(2))
    through.consolidate(1, batches=2)
    by_hand.begin(1, by_hand.plugin.state_dict())
    batches = by_hand.strategy.batches("train", 1, train=True)
    by_hand.epoch(islice(batches, 2))
    ends = zip(by_hand.model.parameters(), through.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in ends)


def test_consolidation_starts_from_the_same_state_every_time() -> None:
    ness = Learner(TINY.spec("ness", "cpu"), TINY.stream())
    assert ness.consolidate(0, batches=consolidation.BATCHES) > 0
    state, ends = ness.state(), []
    for _ in range(2):
        ness.restore(state)
        ness.consolidate(1, batches=consolidation.BATCHES)
        assert ness.plugin.tasks_done == 2
        ends.append(ness.state())
    first, second = (end["method"]["M"] for end in ends)
    assert first.keys() == second.keys() == {"fc1", "fc2"}
    assert all(torch.equal(first[name], second[name]) for name in first)
    grown = {name: float(M.trace()) for name, M in state["method"]["M"].items()}
    assert all(float(first[name].trace()) > grown[name] for name in first)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_measures_the_ratios_of_its_name(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = "resnet18" if kind == "options" else "mlp"
    monkeypatch.setitem(measure.NETS, net, TINY)
    monkeypatch.setattr(step, "TURN_S", 0.001)
    found = measure.measure(kind, net, "cpu", 0.001, lambda done, left_s: None)
    assert found.keys() == names(kind, net).keys()
    for name, entry in found.items():
        quantity = QUANTITIES[name.partition("/")[0]]
        assert list(entry.seconds) == [quantity.numerator, quantity.denominator]
        assert entry.rounds >= measure.LEAST[kind]


def test_images_are_smooth_uint8_and_the_same_every_time() -> None:
    drawn = [smooth_images(300, (3, 32, 32), torch.Generator().manual_seed(0)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert drawn[0].dtype == torch.uint8
    x = drawn[0].double()
    neighbours = (x[..., 1:] - x[..., :-1]).square().mean()
    assert neighbours < 0.1 * x.var()  # of white noise: twice the variance
