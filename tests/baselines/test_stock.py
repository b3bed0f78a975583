"""Avalanche's methods as strategies of ours: every one in every scenario that it declares."""

import copy
import io

import pytest
import qpsolvers
import torch
from avalanche.core import SupervisedPlugin
from scenario_toys import TASKS, accuracy, learn, make, scenario_net, seed

import baselines
from baselines.avalanche_plugin import CALLBACKS, Stock, without_last_of_one
from baselines.stock import Naive
from toys import toy_strategy, train_quietly

needs_quadprog = pytest.mark.skipif(
    "quadprog" not in qpsolvers.available_solvers,
    reason="GEM needs the solver quadprog: pip install 'ness-cl[gem]'",
)
ARGUMENTS = {
    "ewc": {"ewc_lambda": 10.0},
    "si": {"si_lambda": 100.0},
    "mas": {"lambda_reg": 0.01},
    "rwalk": {"delta_t": 2},
    "lwf": {},
    "replay": {"mem_size": 24},
    "agem": {"patterns_per_experience": 16, "sample_size": 24},
    "gem": {"patterns_per_experience": 16},
    "gdumb": {"mem_size": 60},
    "from_scratch": {},
}
METHODS = [pytest.param(n, marks=needs_quadprog if n == "gem" else ()) for n in ARGUMENTS]
CASES = [
    pytest.param(name, scenario, marks=needs_quadprog if name == "gem" else ())
    for name in [*ARGUMENTS, "naive", "cumulative"]
    for scenario in sorted(baselines.load(name).scenarios)
]
DATA = {"replay", "agem", "gem", "gdumb"}
GROWS = {"ewc", "agem", "gem"}


def weights(strategy):
    return {name: tensor.clone() for name, tensor in strategy.model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(("name", "scenario"), CASES)
def test_learns_repeats_and_leaves_the_model_as_it_was_built(name, scenario):
    model = scenario_net(scenario)
    modules = [type(module) for module in model.modules()]
    strategy, benchmark = learn(make(name, **ARGUMENTS.get(name, {})), scenario, model=model)
    assert accuracy(strategy, benchmark.train_stream[TASKS - 1]) >= 0.7
    assert strategy.model is model
    assert [type(m) for m in model.modules()][: len(modules)] == modules or scenario == "til"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(p.requires_grad and p.isfinite().all() for p in model.parameters())
    again, _ = learn(make(name, **ARGUMENTS.get(name, {})), scenario)
    assert same(weights(strategy), weights(again))


@pytest.mark.parametrize("name", METHODS)
def test_differs_from_naive_from_task_2_on(name):
    first = 0 if name == "gdumb" else 1  # trains on its memory from the start
    for tasks in range(1, TASKS):
        ours, _ = learn(make(name, **ARGUMENTS[name]), "cil", tasks=range(tasks), epochs=4)
        naive, _ = learn(Naive(), "cil", tasks=range(tasks), epochs=4)
        assert same(weights(ours), weights(naive)) == (tasks <= first)


@pytest.mark.parametrize("name", METHODS)
def test_resumes_bit_for_bit_or_refuses_to(name):
    plugin = make(name, **ARGUMENTS[name])
    whole, _ = learn(plugin, "cil", epochs=3)
    for done in range(1, TASKS):
        part_plugin = make(name, **ARGUMENTS[name])
        part, benchmark = learn(part_plugin, "cil", tasks=range(done), epochs=3)
        buffer = io.BytesIO()
        torch.save((part.model.state_dict(), part_plugin.state_dict()), buffer)
        buffer.seek(0)
        model, state = torch.load(buffer, weights_only=True)
        resumed = make(name, **ARGUMENTS[name])
        if not resumed.resumable:
            with pytest.raises(ValueError, match="start again from task 1"):
                resumed.load_state_dict(state)
            continue
        again = toy_strategy(scenario_net("cil"), [resumed], epochs=3)
        again.model.load_state_dict(model)
        resumed.load_state_dict(state)
        for task in range(done, TASKS):
            seed(task)
            train_quietly(again, benchmark.train_stream[task], eval_streams=[])
        assert same(weights(again), weights(whole)), f"after task {done}"
        assert resumed.state_bytes() == plugin.state_bytes()


@pytest.mark.parametrize("name", [n for n in METHODS if baselines.load(n.values[0]).resumable])
def test_goes_back_to_the_untrained_state(name):
    plugin = make(name, **ARGUMENTS[name])
    untrained = plugin.state_dict()
    learn(plugin, "cil", tasks=range(2), epochs=1)
    plugin.load_state_dict(untrained)
    plugin._strategy = None
    again, _ = learn(plugin, "cil", epochs=2)
    fresh, _ = learn(make(name, **ARGUMENTS[name]), "cil", epochs=2)
    assert same(weights(again), weights(fresh))


@pytest.mark.parametrize("name", METHODS)
def test_state_bytes_grow_as_the_docstring_says(name):
    plugin, sizes = make(name, **ARGUMENTS[name]), []
    strategy, benchmark = learn(plugin, "dil", tasks=[], epochs=1)
    for task in range(TASKS):
        train_quietly(strategy, benchmark.train_stream[task], eval_streams=[])
        sizes.append(plugin.state_bytes())
    parameters = 4 * sum(p.numel() for p in strategy.model.parameters())
    assert sizes[0] > 0
    assert (sizes[2] > sizes[1]) == (name in GROWS), sizes
    assert sizes[2] >= sizes[1] >= sizes[0], sizes
    assert plugin.keeps_data == (name in DATA)
    sample = 4 * 12
    expected = {
        "ewc": 3 * 2 * parameters,
        "mas": 2 * parameters,
        "lwf": parameters + 2,  # and the mask of the head
        "agem": 3 * 16 * sample + parameters,  # and the latest gradient r
        "gdumb": 60 * (sample + 4) + parameters + 2,
        "replay": 24 * (sample + 4),  # and the random key of each sample
        "from_scratch": parameters + 2,
        "gem": 3 * 16 * (sample + 16) + 2 * parameters,  # and the latest gradients G
    }
    assert sizes[2] == expected.get(name, sizes[2])


def test_every_callback_of_avalanche_is_handed_on_in_order():
    calls = []

    class Recorder(SupervisedPlugin):
        """Notes its calls."""

    for name in CALLBACKS:
        setattr(Recorder, name, lambda _, strategy, _name=name, **kw: calls.append(_name))
    plugin = Stock(Recorder())
    strategy, benchmark = learn(plugin, "cil", tasks=[0], epochs=1)
    strategy.eval(benchmark.test_stream[0])
    assert set(calls) == set(CALLBACKS)
    assert len(CALLBACKS) == 26
    assert calls[0] == "before_training"
    assert calls[-1] == "after_eval"


def test_two_of_them_in_one_strategy_are_refused():
    with pytest.raises(ValueError, match="EWC beside MAS"):
        learn(make("ewc"), "cil", tasks=[0], epochs=1, after=[make("mas")])


def test_cumulative_and_joint_declare_what_they_see_and_keep():
    plugins = {name: baselines.load(name) for name in ("naive", "joint", "cumulative")}
    declared = {name: (plugin.sees, plugin.keeps_data) for name, plugin in plugins.items()}
    assert declared == {
        "naive": ("task", False),
        "joint": ("all", True),
        "cumulative": ("seen", True),
    }


@pytest.mark.parametrize("name", ["joint", "cumulative", "naive", *ARGUMENTS])
def test_docstrings_have_the_paragraphs_that_tables_are_made_of(name):
    plugin = baselines.load(name)
    paragraphs = [" ".join(p.split()) for p in plugin.__doc__.split("\n\n")]
    assert sum(p.startswith("Keeps ") for p in paragraphs) == 1
    assert sum(p.startswith("Departures. ") for p in paragraphs) == (name != "naive")
    assert any(p.endswith("Not resumable.") for p in paragraphs) == (not plugin.resumable)


def test_a_plain_linear_head_will_do():
    model = torch.nn.Sequential(torch.nn.Linear(12, 8), torch.nn.ReLU(), torch.nn.Linear(8, 6))
    before = copy.deepcopy(model.state_dict())
    learn(make("ewc"), "cil", epochs=1, model=model)
    assert not same(before, model.state_dict())


def test_importance_passes_leave_no_last_batch_of_one():
    assert [without_last_of_one(n, 16) for n in (48, 49, 50)] == [16, 15, 16]
    assert without_last_of_one(31, 16) == 16
    assert without_last_of_one(241, 16) == 14  # 240 is a multiple of 16 and of 15
    assert without_last_of_one(3, 2) == 2
