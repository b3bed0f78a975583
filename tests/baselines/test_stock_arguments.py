"""What Avalanche's methods are not given, by name and with the way out."""

import pytest
import qpsolvers
from scenario_toys import learn, make, scenario_benchmark

from toys import ToyNet, toy_strategy, train_quietly


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ewc", {"ewc_lambda": -1.0}, "ewc_lambda = -1"),
        ("ewc", {"mode": "offline"}, "mode = 'offline'.*separate or online"),
        ("ewc", {"mode": "online"}, "decay_factor = None.*for example 0.9"),
        ("ewc", {"decay_factor": 0.5}, "decay_factor = 0.5.*drop it"),
        ("si", {"eps": 0.0}, "eps = 0"),
        ("mas", {"alpha": 2.0}, "alpha = 2"),
        ("rwalk", {"delta_t": 0}, "delta_t = 0"),
        ("lwf", {"temperature": 0.0}, "temperature = 0"),
        ("replay", {"mem_size": 0}, "mem_size = 0"),
        ("replay", {"storage": "task"}, "storage = 'task'.*experience, class, reservoir"),
        ("agem", {"sample_size": 0}, "sample_size = 0"),
        ("gem", {"memory_strength": -0.5}, "memory_strength = -0.5"),
        ("gdumb", {"mem_size": 0}, "mem_size = 0"),
    ],
)
def test_arguments_out_of_range_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)


def test_gem_names_the_solver_that_is_missing(monkeypatch):
    monkeypatch.setattr(qpsolvers, "available_solvers", [])
    with pytest.raises(ValueError, match=r"quadprog is not installed: pip .*\[gem\]"):
        make("gem")


def test_what_fails_only_while_training_is_named_too():
    with pytest.raises(ValueError, match="sample_size = 1 is below the number of tasks"):
        learn(make("agem", sample_size=1), "cil", epochs=1)
    with pytest.raises(ValueError, match="delta_t = 1000: task 1 ended"):
        learn(make("rwalk", delta_t=1000), "cil", epochs=1)
    strategy = toy_strategy(ToyNet(), [make("gdumb")], epochs=1, batch=1)
    stream = scenario_benchmark("til").train_stream
    train_quietly(strategy, stream[0], eval_streams=[])
    with pytest.raises(ValueError, match="batches of 1 are too small for gdumb"):
        train_quietly(strategy, stream[1], eval_streams=[])
