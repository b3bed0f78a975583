"""torch.compile under the runner: the same numbers, or a recorded return to the plain net."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from small_runs import run_spec
from torch import Tensor, nn

from benchmarks import compiling, outputs
from benchmarks.backbones import MultiHeadNet, mlp
from benchmarks.compiling import CompiledTrunk, settings
from benchmarks.records import RunRecord
from benchmarks.run import run
from benchmarks.task_loop import Notify
from ness.adapter import attach
from ness.attached import adapted_layers
from ness.compat import refuse_wrapped
from ness.forms import NESSForm
from ness.projected import attach_projected

Batch = tuple[Tensor, Tensor]


@pytest.fixture
def net() -> MultiHeadNet:
    torch.manual_seed(0)
    return mlp(heads=[3, 4], input_shape=(1, 8, 8), hidden=[32, 16])


@pytest.fixture
def prepared() -> Iterator[None]:
    with settings(1):
        yield
    torch.compiler.reset()


def batch(n: int, task: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(n)
    return torch.randn(n, 1, 8, 8, generator=generator), torch.full((n,), task)


def assert_same(trunk: CompiledTrunk, net: MultiHeadNet, example: Batch) -> None:
    """Outputs and gradients of the compiled net are those of the plain one."""
    found = []
    for forward in (partial(trunk, net), net):
        net.zero_grad()
        logits = forward(*example)
        logits.square().mean().backward()
        gradients = {k: p.grad.clone() for k, p in net.named_parameters() if p.grad is not None}
        found.append((logits.detach(), gradients))
    assert found[0][1].keys() == found[1][1].keys()
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-7)
    assert trunk.fallback == ""


def test_a_compiled_net_computes_what_the_plain_one_does(prepared: None, net: MultiHeadNet) -> None:
    trunk = CompiledTrunk("aot_eager")
    assert_same(trunk, net, batch(8))
    assert_same(trunk, net, batch(5, task=1))
    with torch.no_grad():
        torch.testing.assert_close(trunk(net.eval(), *batch(8)), net(*batch(8)), rtol=1e-5, atol=0)
    refuse_wrapped(net, "NESS")  # the model that methods adapt is not compiled


@pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "clang++", "c++")),
    reason="needs a C++ compiler",
)
def test_inductor_computes_it_too_and_leaves_no_process_behind(
    prepared: None, net: MultiHeadNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    before = psutil.Process().children(recursive=True)
    assert_same(CompiledTrunk(), net, batch(8))
    assert list(tmp_path.iterdir()), "nothing was compiled"
    assert psutil.Process().children(recursive=True) == before


@pytest.mark.parametrize("form", ["fold", "factored", "projected"])
def test_updates_that_are_attached_and_merged_are_computed(
    prepared: None, net: MultiHeadNet, form: NESSForm
) -> None:
    """Also without `CompiledTrunk.renew`, which a method of one's own may come too late for."""
    trunk = CompiledTrunk("aot_eager")
    layers = {name: net.get_submodule(name) for name in ("fc1", "fc2")}
    plain = trunk(net, *batch(8))
    assert_same(trunk, net, batch(8))
    for layer in layers.values():
        Q = torch.linalg.qr(torch.randn(layer.in_features, layer.in_features))[0]
        if form == "projected":
            attach_projected(layer, Q[:, :5], Q[:, 5:])
        else:
            attach(layer, Q[:, :5], form=form)
    adapted = adapted_layers(layers).values()
    with torch.no_grad():
        for layer in adapted:
            layer.trained.add_(0.1 * torch.randn_like(layer.trained))
    assert_same(trunk, net, batch(8))
    assert not torch.allclose(trunk(net, *batch(8)), plain, rtol=0.1)
    for layer in adapted:
        layer.merge()
    assert_same(trunk, net, batch(8))


def test_a_hook_that_comes_later_is_called(prepared: None, net: MultiHeadNet) -> None:
    trunk, seen = CompiledTrunk("eager"), []
    trunk(net, *batch(8))
    handle = net.get_submodule("fc2").register_forward_pre_hook(lambda *_: seen.append(1))
    trunk(net, *batch(8))
    assert seen == [1]
    handle.remove()
    trunk(net, *batch(8))
    assert seen == [1]


def test_faults_of_the_net_are_raised_and_not_taken_for_failures_to_compile(
    prepared: None, net: MultiHeadNet
) -> None:
    trunk = CompiledTrunk("eager")
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        trunk(net, torch.zeros(2, 1, 7, 7), torch.zeros(2, dtype=torch.int64))
    assert trunk.fallback == ""


def test_the_old_settings_return() -> None:
    before = torch._dynamo.config.skip_nnmodule_hook_guards
    with settings(1):
        assert torch._dynamo.config.skip_nnmodule_hook_guards is False
    assert torch._dynamo.config.skip_nnmodule_hook_guards is before


class Failing:
    """A backend that compiles until it is told not to."""

    def __init__(self) -> None:
        self.fails, self.refused = False, 0

    def __call__(self, graph: nn.Module, _: Any) -> Callable[..., Any]:
        if self.fails:
            self.refused += 1
            raise RuntimeError("no C++\ncompiler found")
        return graph.forward


def compiled_run(
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: Any,
    strategy: str = "ness",
    notify: Notify | None = None,
    more: Sequence[str] = (),
) -> RunRecord:
    monkeypatch.setattr(outputs, "CompiledTrunk", partial(CompiledTrunk, backend))
    return run(run_spec(strategy, "compile=true", *more), out, notify=notify)


@pytest.mark.parametrize("task", [1, 2])
def test_a_failure_to_compile_is_recorded_and_the_run_goes_on_as_it_would_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, task: int
) -> None:
    plain = run(run_spec("ness"), tmp_path)
    backend = Failing()
    backend.fails = task == 1

    def notify(now: int, *_: int) -> None:
        backend.fails = now + 1 >= task

    with caplog.at_level(logging.WARNING):
        record = compiled_run(tmp_path, monkeypatch, backend, notify=notify)
    assert record.status == "finished", record.error
    assert record.id != plain.id
    assert record.accuracy_matrix == plain.accuracy_matrix
    said = record.environment["compile"]
    if task == 2:
        assert said == "used"
        (move,) = record.environment["moves"]
        assert move["task"] == 2
        said = move["compile"]
    assert said.startswith("eager: BackendCompilerFailed")
    assert "no C++ compiler found" in said
    assert backend.refused == 1
    assert caplog.text.count("torch.compile fell back to the plain net: BackendCompiler") == 1
    assert "compile" not in plain.environment


@pytest.mark.parametrize("strategy", ["ness", "trgp", "ness_sam"])
def test_a_compiled_run_is_the_plain_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    plain = run(run_spec(strategy), tmp_path)
    record = compiled_run(tmp_path, monkeypatch, "aot_eager", strategy)
    assert record.status == "finished", record.error
    assert record.environment["compile"] == "used"
    assert "moves" not in record.environment
    last, expected = record.accuracy_matrix[-1], plain.accuracy_matrix[-1]
    assert last == pytest.approx(expected, abs=3)  # rounding may move a few images of a hundred
    assert record.tasks[-1].ranks.keys() == plain.tasks[-1].ranks.keys()


def test_programs_of_earlier_tasks_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the limit would be met in one of the later tasks: here in the third."""
    monkeypatch.setattr(compiling, "PROGRAMS", 6)
    record = compiled_run(tmp_path, monkeypatch, "eager", more=("stream_args.tasks=5",))
    assert record.environment["compile"] == "used"
    assert "moves" not in record.environment


def test_too_many_programs_are_no_silent_return_to_the_plain_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "PROGRAMS", 1)
    record = compiled_run(tmp_path, monkeypatch, "eager")
    assert record.status == "finished"
    assert record.environment["compile"].startswith("eager: FailOnRecompileLimitHit")
