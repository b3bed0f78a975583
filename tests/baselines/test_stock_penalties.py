"""What Avalanche's penalties add to the loss inside our wrapper is what their equations say."""

import copy

import pytest
import torch
from avalanche.core import SupervisedPlugin
from avalanche.training.plugins import RWalkPlugin, SynapticIntelligencePlugin
from scenario_toys import Witness, first_task, learn, make, seed
from torch.nn import functional as F

from baselines.stock import Naive
from toys import train_quietly


def penalties(plugin, scenario="cil", epochs=3):
    """What a plugin added to the loss in each iteration of task 2."""
    before, after = Witness(), Witness()
    strategy, benchmark = learn(
        plugin, scenario, tasks=[0], epochs=epochs, before=[before], after=[after]
    )
    model = copy.deepcopy(strategy.model)
    before.losses.clear()
    after.losses.clear()
    weights = []
    strategy.plugins.insert(0, Snapshots(weights))
    seed(1)
    train_quietly(strategy, benchmark.train_stream[1], eval_streams=[])
    added = [(b - a).item() for a, b in zip(before.losses, after.losses, strict=True)]
    return added, weights, model


class Snapshots(SupervisedPlugin):
    """A copy of the model in each iteration, and of its batch."""

    def __init__(self, into):
        super().__init__()
        self.into = into

    def before_forward(self, strategy, **kwargs):
        self.into.append((copy.deepcopy(strategy.model), strategy.mb_x.clone()))


def distance(importance, model, old):
    """sum_i F_i (w_i - w*_i)^2 over the parameters by name."""
    anchors = dict(old.named_parameters())
    terms = [(importance[n] * (p - anchors[n]) ** 2).sum() for n, p in model.named_parameters()]
    return sum(terms).item()


def squared_gradients(model, batch_size=16):
    """F: squares of each batch's mean gradient, averaged over batches in stored order."""
    model = copy.deepcopy(model).eval()
    data = first_task()
    total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    starts = range(0, len(data), batch_size)
    for start in starts:
        x = torch.stack([x for x, _ in data[start : start + batch_size]])
        y = torch.tensor([y for _, y in data[start : start + batch_size]])
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
        for name, p in model.named_parameters():
            total[name] += p.grad**2 / len(starts)
    return total


@pytest.mark.parametrize("mode", [{}, {"mode": "online", "decay_factor": 0.5}])
def test_ewc_adds_lambda_times_the_weighted_square_of_what_moved(mode):
    added, seen, old = penalties(make("ewc", ewc_lambda=70.0, **mode))
    importance = squared_gradients(old)
    expected = [70 * distance(importance, model, old) for model, _ in seen]
    assert expected[0] == 0
    assert max(expected) > 1e-4
    assert added == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_ewc_keeps_a_term_a_task_or_one_in_all():
    separate, online = make("ewc"), make("ewc", mode="online", decay_factor=0.5)
    for plugin in (separate, online):
        learn(plugin, "dil", epochs=2)
    assert sorted(separate.inner.importances) == sorted(separate.inner.saved_params) == [0, 1, 2]
    assert sorted(online.inner.importances) == sorted(online.inner.saved_params) == [2]


def test_mas_adds_lambda_times_the_sensitivity_of_the_squared_output():
    added, seen, old = penalties(make("mas", lambda_reg=0.01), "dil")
    x = torch.stack([x for x, _ in first_task("dil")])
    importance = {name: torch.zeros_like(p) for name, p in old.named_parameters()}
    for part in x.split(16):
        old.zero_grad()
        old(part).square().sum(1).mean().backward()
        for name, p in old.named_parameters():
            importance[name] += p.grad.abs() / 3
    expected = [0.01 * distance(importance, model, old) for model, _ in seen]
    assert max(expected) > 1e-4
    assert added == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_mas_goes_on_at_a_loss_of_exactly_zero():
    plugin = make("mas")
    strategy, benchmark = learn(plugin, "dil", tasks=[0], epochs=1)
    strategy._criterion = lambda outputs, _: 0 * outputs.sum()
    train_quietly(strategy, benchmark.train_stream[1], eval_streams=[])
    assert plugin.tasks_done == 2


def test_si_adds_half_lambda_times_importances_from_the_path():
    added, seen, old = penalties(make("si", si_lambda=1000.0))
    steps = _steps_of_first_task()
    importance = {}
    for name, p in old.named_parameters():
        path = sum(g[name] * (after[name] - before[name]) for before, g, after in steps)
        moved = p.detach() - steps[0][0][name]
        importance[name] = (-path / (moved**2 + 1e-7)).clamp(max=0.001)
    assert sum((i > 0).sum() for i in importance.values()) > 100
    expected = [500 * distance(importance, model, old) for model, _ in seen]
    assert max(expected) > 1e-4
    assert added == pytest.approx(expected, rel=1e-3, abs=1e-6)


def _steps_of_first_task():
    """(weights before, gradients, weights after) of each step of task 1, under naive."""
    steps = []

    class Path(SupervisedPlugin):
        """Notes both ends of each step."""

        def before_update(self, strategy, **kwargs):
            named = dict(strategy.model.named_parameters())
            self.before = {n: p.detach().clone() for n, p in named.items()}
            self.gradients = {n: p.grad.clone() for n, p in named.items()}

        def after_update(self, strategy, **kwargs):
            named = strategy.model.named_parameters()
            after = {n: p.detach().clone() for n, p in named}
            steps.append((self.before, self.gradients, after))

    learn(Naive(), "cil", tasks=[0], epochs=3, after=[Path()])
    return steps


def test_avalanches_own_si_never_penalises_on_the_cpu():
    plugin = SynapticIntelligencePlugin(1000.0)  # mended in Avalanche? then drop `_Copying`
    learn(Naive(), "cil", tasks=[0], after=[plugin])
    assert all((omega.data == 0).all() for omega in plugin.ewc_data[1].values())


def test_rwalk_adds_lambda_times_importance_and_score_and_trains_in_training_mode():
    plugin = make("rwalk", ewc_lambda=2.0, delta_t=2)
    added, seen, old = penalties(plugin)
    total = {}
    learn(scores := make("rwalk", ewc_lambda=2.0, delta_t=2), "cil", tasks=[0], epochs=3)
    for name in dict(old.named_parameters()):
        peak = [max(d[n].data.max() for n in d) for d in _importance_and_score(scores)]
        F_, s = (d[name].data for d in _importance_and_score(scores))
        total[name] = F_ / peak[0] + s.relu() / peak[1]
        assert 0 <= total[name].min() <= total[name].max() <= 2
    expected = [2 * distance(total, model, old) for model, _ in seen]
    assert max(expected) > 1e-4
    assert added == pytest.approx(expected, rel=1e-3, abs=1e-6)


def _importance_and_score(plugin):
    return plugin.inner.exp_importance, plugin.inner.exp_scores


def test_rwalk_trains_in_training_mode_which_avalanches_own_does_not():
    modes = []
    for plugin, inside in ((make("rwalk", delta_t=2), ()), (Naive(), (RWalkPlugin(delta_t=2),))):
        witness = Witness()
        learn(plugin, "cil", tasks=[0], epochs=2, after=[*inside, witness])
        modes.append(set(witness.modes))
    assert modes == [{True}, {False}]


@pytest.mark.parametrize("scenario", ["cil", "til"])
def test_lwf_adds_the_divergence_from_the_old_outputs_of_old_classes(scenario):
    added, seen, old = penalties(make("lwf", alpha=3.0, temperature=4.0), scenario, 15)
    expected = []
    for model, x in seen:
        labels = [torch.zeros(len(x), dtype=torch.long)] if scenario == "til" else []
        with torch.no_grad():
            new, target = (net.train()(x, *labels)[:, :2] / 4 for net in (model, old))
        expected.append(3 * F.kl_div(new.log_softmax(1), target.softmax(1), reduction="batchmean"))
    assert max(expected) > 1e-3
    assert added == pytest.approx([float(e) for e in expected], rel=1e-3, abs=1e-5)
