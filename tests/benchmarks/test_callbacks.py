"""Our strategy calls its plugins as Avalanche's own template does, only without the idle calls."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from avalanche.core import SupervisedPlugin
from avalanche.evaluation.metrics import accuracy_metrics, loss_metrics
from avalanche.logging import BaseLogger
from avalanche.training.plugins import EvaluationPlugin
from avalanche.training.templates import SupervisedTemplate
from small_runs import run_spec

from benchmarks.build import build_model, build_optimizer, load_stream
from benchmarks.callbacks import BatchCallbacks, NoMetrics
from benchmarks.loading import StreamStrategy

SPEC = run_spec("naive", "protocol.epochs=2", "protocol.batch_size=80")
STREAM = load_stream(SPEC, None)
OURS = [name for name in vars(BatchCallbacks) if name.startswith(("_before", "_after"))]
EVENTS = [name for name in dir(SupervisedPlugin) if name.startswith(("before", "after"))]

Log = list[tuple[Any, ...]]

Theirs = type(
    "Theirs", (StreamStrategy,), {name: getattr(SupervisedTemplate, name) for name in OURS}
)
"""The oracle: the same strategy with the triggers of Avalanche's template."""


def record(log: Log, name: str, event: str, strategy: Any, kwargs: dict[str, Any]) -> None:
    loss = strategy.loss.detach().clone()
    output = None if strategy.mb_output is None else strategy.mb_output.detach().clone()
    state = (strategy.is_training, strategy.clock.total_iterations, len(strategy.plugins))
    log.append((name, event, state, tuple(kwargs.items()), loss.tolist(), output))


class Recorder(SupervisedPlugin[Any]):
    """Has the callbacks ``events`` and logs what it sees of the strategy in each."""

    def __init__(self, log: Log, name: str) -> None:
        super().__init__()
        self.log, self.name = log, name


def recorder(log: Log, name: str, events: list[str], base: type = Recorder) -> Any:
    def method(event: str) -> Any:
        return lambda self, strategy, **kw: record(log, name, event, strategy, kw)

    return type(name, (base,), {event: method(event) for event in events})(log, name)


class Unrelated:
    """A plugin that is none of Avalanche's classes: to have the method is enough."""

    def __init__(self, log: Log, name: str) -> None:
        pass


class Changes(SupervisedPlugin[Any]):
    """Changes the plugins in the middle of an epoch, in every way that Python has."""

    def __init__(self, log: Log, other: Any) -> None:
        super().__init__()
        self.log, self.other = log, other

    def before_forward(self, strategy: Any, **kwargs: Any) -> None:
        turn = strategy.clock.train_iterations
        log = self.log
        if turn == 1:
            strategy.plugins.append(recorder(log, "appended", EVENTS))
        elif turn == 2:
            strategy.plugins = [recorder(log, "put first", EVENTS), *strategy.plugins]
        elif turn == 3:
            self.other.after_update = lambda s, **kw: record(log, "on the object", "", s, kw)
            type(self.other).before_update = lambda _, s, **kw: record(log, "class", "", s, kw)
        elif turn == 4:
            strategy.plugins.remove(self)
            del self.other.after_update


def logged(kind: type, evaluator: EvaluationPlugin) -> tuple[Log, dict[str, torch.Tensor], Any]:
    """What plugins of every sort see while a strategy of class ``kind`` trains and evaluates."""
    log: Log = []
    quiet = recorder(log, "quiet", [])
    plugins = [
        recorder(log, "first", EVENTS),
        quiet,
        recorder(log, "unrelated", ["after_backward", "before_eval_iteration"], Unrelated),
        Changes(log, quiet),
        recorder(log, "second", EVENTS[::2]),
    ]
    model = build_model(SPEC, STREAM)
    strategy = kind(
        stream=STREAM,
        sees="task",
        data_seed=SPEC.data_seed,
        model=model,
        optimizer=build_optimizer(SPEC.optimizer, model),
        train_mb_size=SPEC.protocol.batch_size,
        train_epochs=SPEC.protocol.epochs,
        eval_mb_size=SPEC.protocol.eval_batch_size,
        plugins=plugins,
        evaluator=evaluator,
    )
    benchmark = STREAM.benchmark()
    torch.manual_seed(0)
    strategy.train(benchmark.train_stream[0], eval_streams=[], passed="on")
    strategy.eval(benchmark.test_stream[0])
    return log, model.state_dict(), strategy


def metrics() -> EvaluationPlugin:
    return EvaluationPlugin(
        accuracy_metrics(minibatch=True, epoch=True, experience=True),
        loss_metrics(minibatch=True),
        loggers=[BaseLogger()],
    )


def same(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else bool(a == b)


def test_plugins_are_called_as_by_avalanches_own_template() -> None:
    ours, our_weights, our_strategy = logged(StreamStrategy, metrics())
    theirs, their_weights, their_strategy = logged(Theirs, metrics())
    assert {entry[0] for entry in ours} >= {"appended", "put first", "on the object", "class"}
    assert {entry[1] for entry in ours} >= set(EVENTS)
    assert [entry[:5] for entry in ours] == [entry[:5] for entry in theirs]
    assert all(same(a[5], b[5]) for a, b in zip(ours, theirs, strict=True))
    assert all(torch.equal(our_weights[key], their_weights[key]) for key in their_weights)
    values = our_strategy.evaluator.get_all_metrics()
    assert values == their_strategy.evaluator.get_all_metrics()
    assert any("MB" in name for name in values), "metrics of every batch"


def test_without_metrics_plugins_see_the_same() -> None:
    ours, _, strategy = logged(StreamStrategy, NoMetrics())
    theirs, _, _ = logged(Theirs, EvaluationPlugin(loggers=[BaseLogger()]))
    assert [entry[:5] for entry in ours] == [entry[:5] for entry in theirs]
    assert strategy.evaluator.get_last_metrics() == {}


@pytest.mark.parametrize("name", OURS)
def test_the_method_left_out_is_empty(name: str) -> None:
    def empty(self: Any, strategy: Any, *args: Any, **kwargs: Any) -> Any:
        """It has a docstring as well."""

    event = name.removeprefix("_")
    assert getattr(SupervisedPlugin, event).__code__.co_code == empty.__code__.co_code
    assert not hasattr(NoMetrics(), event)


def test_every_callback_of_a_batch_is_among_ours() -> None:
    words = ("iteration", "forward", "backward", "update")
    assert sorted(OURS) == sorted(f"_{event}" for event in EVENTS if event.endswith(words))
