"""What Avalanche's methods do with their memory inside our wrapper is what their rules say."""

import copy

import pytest
import torch
from scenario_toys import Witness, first_task, gradient, learn, make, scenario_net
from test_stock import needs_quadprog


@pytest.mark.parametrize("storage", ["experience", "class", "reservoir"])
def test_replay_appends_old_samples_to_each_batch(storage):
    witness, plugin = Witness(), make("replay", mem_size=10, batch_size_mem=5, storage=storage)
    learn(plugin, "cil", tasks=[0], epochs=1)
    plugin = make("replay", mem_size=10, batch_size_mem=5, storage=storage)
    learn(plugin, "cil", tasks=[0, 1], epochs=2, after=[witness])
    old = [x for x, _ in first_task()]
    first, second = witness.batches[:6], witness.batches[6:]
    assert {y for _, labels in first for y in labels} == {0, 1}
    assert len(second) == 6
    for inputs, labels in second:
        replayed = [x for x, y in zip(inputs, labels, strict=True) if y < 2]
        assert len(replayed) == 5
        assert all(any(torch.equal(x, kept) for kept in old) for x in replayed)
        assert sum(y >= 2 for y in labels) == 16
    assert len(plugin.inner.storage_policy.buffer) == 10


def test_agem_projects_away_what_would_raise_the_loss_on_the_memory():
    plugin, before, after = make("agem", patterns_per_experience=16, sample_size=24), *_pair()
    references = []
    after.after_backward = lambda strategy, **kw: (
        after.gradients.append(gradient(strategy.model)),
        references.extend([plugin.inner.reference_gradients.clone()] if plugin.tasks_done else []),
    )
    learn(plugin, "dil", tasks=[0, 1], epochs=4, before=[before], after=[after])
    changed = 0
    for g, projected, r in zip(
        before.gradients[12:], after.gradients[12:], references, strict=True
    ):
        if g @ r < 0:
            changed += 1
            torch.testing.assert_close(projected, g - (g @ r) / (r @ r) * r)
            assert projected @ r > -1e-4 * r.norm() * g.norm()
        else:
            assert torch.equal(projected, g)
    assert 0 < changed < 12


def _pair():
    return Witness(), Witness()


@needs_quadprog
def test_gem_leaves_no_step_against_any_earlier_task():
    plugin, before, after = make("gem", patterns_per_experience=16), *_pair()
    constraints = []
    after.after_backward = lambda strategy, **kw: (
        after.gradients.append(gradient(strategy.model)),
        constraints.extend([plugin.inner.G.clone()] if plugin.tasks_done == 2 else []),
    )
    learn(plugin, "cil", tasks=[0, 1, 2], epochs=4, before=[before], after=[after])
    changed = 0
    for g, projected, G in zip(
        before.gradients[24:], after.gradients[24:], constraints, strict=True
    ):
        assert len(G) == 2
        if (G @ g < 0).any():
            changed += 1
            assert (G @ projected >= -1e-3 * g.norm() * G.norm(dim=1)).all()
        else:
            assert torch.equal(projected, g)
    assert changed > 0


def test_gdumb_trains_the_first_weights_on_the_balanced_memory_alone():
    witness, plugin = Witness(), make("gdumb", mem_size=24)
    model = scenario_net("cil")
    starts = []
    witness.before_training_exp = lambda strategy, **kw: starts.append(
        copy.deepcopy(strategy.model.state_dict())
    )
    learn(plugin, "cil", epochs=1, after=[witness], model=model)
    untrained = scenario_net("cil").state_dict()
    for start in starts:
        assert all(torch.equal(start[n], untrained[n]) for n in untrained if "active" not in n)
    last = [y for _, labels in witness.batches[-2:] for y in labels]
    assert sorted(set(last)) == [0, 1, 2, 3, 4, 5]
    assert all(last.count(label) == 4 for label in range(6))


def test_from_scratch_starts_each_task_from_the_first_weights():
    witness, starts = Witness(), []
    witness.before_training_exp = lambda strategy, **kw: starts.append(
        {n: p.detach().clone() for n, p in strategy.model.named_parameters()}
    )
    learn(make("from_scratch"), "cil", epochs=1, after=[witness])
    assert len(starts) == 3
    assert all(torch.equal(start[n], starts[0][n]) for start in starts for n in start)
