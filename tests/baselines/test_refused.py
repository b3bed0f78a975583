"""What Avalanche has and we refuse: each fails still, and is answered with the reason."""

import pytest
import torch
from avalanche.core import SupervisedPlugin
from avalanche.models import SimpleMLP
from avalanche.training import plugins as avalanche_plugins
from avalanche.training.plugins import (
    BiCPlugin,
    CoPEPlugin,
    CurrentDataFeCAMUpdate,
    CurrentDataNCMUpdate,
    CWRStarPlugin,
    FeatureDistillationPlugin,
    GenerativeReplayPlugin,
    GSS_greedyPlugin,
    LFLPlugin,
    MIRPlugin,
    RARPlugin,
)
from scenario_toys import TASKS, accuracy, learn, scenario_net

import baselines
from baselines.avalanche_plugin import Stock
from baselines.stock import Naive
from benchmarks.errors import BadInput
from benchmarks.sweep_spec import SweepSpec, expand

FAILS = [
    (lambda model: RARPlugin(16, 60), "til", TypeError),
    (lambda model: GSS_greedyPlugin(60, 5, [12]), "til", TypeError),
    (lambda model: BiCPlugin(60, stage_2_epochs=1), "cil", TypeError),
    (lambda model: BiCPlugin(60, stage_2_epochs=1), "til", AssertionError),
    (lambda model: LFLPlugin(1.0), "cil", NotImplementedError),
    (lambda model: FeatureDistillationPlugin(), "cil", TypeError),
    (lambda model: GenerativeReplayPlugin(), "cil", AttributeError),
    (lambda model: CurrentDataNCMUpdate(), "cil", AssertionError),
    (lambda model: CurrentDataFeCAMUpdate(), "cil", AssertionError),
]


@pytest.mark.parametrize("name", baselines.REFUSED)
def test_a_sweep_is_told_why_a_method_is_refused(name):
    assert name not in baselines.STRATEGIES
    sweep = SweepSpec(
        stream="split_digits/til", backbone="mlp", strategies=["naive", name], seeds=[0]
    )
    with pytest.raises(BadInput) as refusal:
        expand(sweep)
    assert str(refusal.value) == f"strategy {name!r} is refused: {baselines.REFUSED[name]}"
    instead = baselines.REFUSED[name].rpartition("; use ")[2]
    assert instead in baselines.STRATEGIES


def test_every_plugin_of_avalanche_that_trains_is_registered_or_refused():
    tools = {"EarlyStopping", "Evaluation", "LRScheduler", "Supervised", "TrainGeneratorAfterExp"}
    offered = {
        name.removesuffix("Plugin")
        for name, value in vars(avalanche_plugins).items()
        if name.endswith("Plugin") and isinstance(value, type)
    }
    names = {"SynapticIntelligence": "si", "FromScratchTraining": "from_scratch"}
    known = {n.replace("_", "") for n in {*baselines.STRATEGIES, *baselines.REFUSED}}
    for name in offered - tools:
        assert names.get(name, name).lower().replace("_", "") in known, name


@pytest.mark.parametrize(("make", "scenario", "error"), FAILS)
def test_fails_in_avalanche_still(make, scenario, error):
    model = scenario_net(scenario)
    with pytest.raises(error):
        learn(Stock(make(model)), scenario, epochs=1, model=model)


@pytest.mark.parametrize("scenario", ["til", "dil"])
def test_mir_replays_nothing_where_tasks_share_labels(scenario):
    mir, _ = learn(Stock(MIRPlugin(16, 60, 60)), scenario, epochs=2)
    naive, _ = learn(Naive(), scenario, epochs=2)
    ours, theirs = mir.model.state_dict(), naive.model.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_lfl_never_learns_new_classes():
    model = SimpleMLP(num_classes=6, input_size=12, hidden_size=16, drop_rate=0)
    strategy, benchmark = learn(LFLPlugin(1.0), "cil", model=model)
    assert accuracy(strategy, benchmark.train_stream[TASKS - 1]) < 0.6


def test_cope_stops_after_one_batch_a_task():
    steps = []

    class Count(SupervisedPlugin):
        """Notes the task of each step."""

        def after_update(self, strategy, **kwargs):
            steps.append(strategy.clock.train_exp_counter)

    learn(Stock(CoPEPlugin(60, n_classes=6, p_size=6)), "cil", epochs=4, after=[Count()])
    assert [steps.count(task) for task in range(TASKS)] != [12] * TASKS


def test_cwr_star_leaves_the_trunk_frozen():
    model = scenario_net("cil")
    learn(CWRStarPlugin(model), "cil", epochs=1, model=model)
    assert not model.fc1.weight.requires_grad
    assert model.saved_weights


def test_rar_cuts_what_it_replays_to_0_and_1():
    x = torch.tensor([[-2.0, 0.5, 2.0]])
    attacked = RARPlugin(16).mifgsm_attack(x, torch.ones_like(x))
    assert 0 <= attacked.min() <= attacked.max() <= 1


def test_gss_leaves_gradients_behind_that_the_step_adds():
    left = []

    class Look(SupervisedPlugin):
        """Notes whether a gradient is there before the backward pass."""

        def before_backward(self, strategy, **kwargs):
            left.append(any(p.grad is not None for p in strategy.model.parameters()))

    learn(Stock(GSS_greedyPlugin(60, 5, [12])), "cil", epochs=2, after=[Look()])
    assert sum(left) > len(left) / 2
