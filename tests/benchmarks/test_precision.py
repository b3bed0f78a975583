"""bfloat16 in the forward passes of training and evaluation, and nowhere else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import interrupt_at, make_strategy, run_spec
from torch import Tensor, nn

from benchmarks import outputs, precision
from benchmarks.backbones import mlp
from benchmarks.build import load_stream
from benchmarks.errors import BadInput
from benchmarks.outputs import Outputs
from benchmarks.precision import has_bf16, resolve
from benchmarks.protocol import Protocol
from benchmarks.run import check, run
from benchmarks.task_loop import TaskLoop
from benchmarks.workdir import WorkDir
from ness import NESSPlugin
from ness.task_plugin import TaskPlugin

MEASURING = ["ness", "gpm", "trgp", "dfgp", "adam_nscl", "owm", "inflora"]


@pytest.fixture
def no_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    for feature in ("avx512_bf16", "amx_tile"):
        monkeypatch.setattr(torch.cpu, f"_is_{feature}_supported", lambda: False, raising=False)


@pytest.mark.parametrize("feature", ["avx512_bf16", "amx_tile"])
def test_auto_is_bf16_on_a_cpu_that_multiplies_in_it(
    no_bf16: None, monkeypatch: pytest.MonkeyPatch, feature: str
) -> None:
    assert resolve("auto", "cpu") == "fp32"
    monkeypatch.setattr(torch.cpu, f"_is_{feature}_supported", lambda: True)
    assert resolve("auto", "cpu") == "bf16"
    assert resolve("fp32", "cpu") == "fp32"


@pytest.mark.parametrize(
    ("flags", "found"), [("fma amx_bf16 amx_tile", True), ("fma avx512f", False), (None, False)]
)
def test_an_older_torch_does_not_tell_and_the_system_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None, found: bool
) -> None:
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "cpuinfo")
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t: x\n")
    assert has_bf16("cpu") is found


@pytest.mark.parametrize("asks", [True, False], ids=["newer torch", "older torch"])
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("real", [True, False])
def test_auto_is_bf16_on_a_gpu_that_does_not_emulate_it(
    monkeypatch: pytest.MonkeyPatch, asks: bool, there: bool, real: bool
) -> None:
    def newer(including_emulation: bool = True) -> bool:
        return real or including_emulation

    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda device: device == "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", newer if asks else lambda: real)
    assert resolve("auto", "cuda") == ("bf16" if there and real else "fp32")


def test_bf16_without_the_hardware_runs_and_says_so(
    no_bf16: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = run_spec("naive", "precision=bf16")
    with caplog.at_level(logging.WARNING):
        record = run(spec, tmp_path)
    assert record.status == "finished"
    assert record.environment["precision"] == "bf16"
    assert "precision = 'bf16' is emulated here" in caplog.text


def test_bf16_that_torch_cannot_do_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda _: False)
    spec = run_spec("naive", "precision=bf16")
    stream = load_stream(spec, None)
    with pytest.raises(BadInput, match=r"precision = 'bf16'.*set precision = 'fp32'"):
        check(spec, stream)
    check(spec, stream, here=False)
    check(run_spec("naive", "precision=auto"), stream)


@pytest.fixture
def seen() -> tuple[Any, list[torch.dtype]]:
    """A net, and the formats in which its layers have computed."""
    torch.manual_seed(0)
    model = mlp(heads=[3, 4], input_shape=(1, 8, 8), hidden=[32, 16])
    dtypes: list[torch.dtype] = []
    for layer in (m for m in model.modules() if isinstance(m, nn.Linear)):
        layer.register_forward_hook(lambda _, __, out: dtypes.append(out.dtype))
    return model, dtypes


@pytest.mark.parametrize("tasks", [[0] * 8, [0, 1] * 4], ids=["one head", "two heads"])
def test_layers_compute_in_bf16_and_logits_and_gradients_are_float32(
    seen: tuple[Any, list[torch.dtype]], tasks: list[int]
) -> None:
    model, dtypes = seen
    x, labels = torch.randn(8, 1, 8, 8), torch.tensor(tasks)
    exact = Outputs(run_spec("naive"))(model, x, labels)
    assert set(dtypes) == {torch.float32}
    dtypes.clear()
    logits = Outputs(run_spec("naive", "precision=bf16"))(model, x, labels)
    assert set(dtypes) == {torch.bfloat16}
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, exact)
    own = exact > torch.finfo(torch.float32).min / 2  # less the padding of the smaller head
    torch.testing.assert_close(logits[own], exact[own], rtol=0.05, atol=0.01)
    assert (logits[~own] < -1e30).all()
    logits[own].sum().backward()
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}


def test_heads_take_features_that_autocast_left_in_float32() -> None:
    model = mlp(heads=[3, 4], input_shape=(1, 8, 8), hidden=[8])
    model.features = lambda x, _: x.flatten(1)[:, :8]  # as a trunk that ends in a layer norm
    logits = Outputs(run_spec("naive", "precision=bf16"))(
        model, torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 1, 0])
    )
    assert logits.shape == (4, 4)
    assert torch.isfinite(logits).all()


def test_moments_are_those_of_a_float32_pass() -> None:
    spec = run_spec("ness", "precision=bf16")
    plugin = NESSPlugin()
    compute = Outputs(spec)
    strategy = make_strategy(spec, [Protocol(spec.protocol, seed=1), plugin], compute=compute)
    stream = strategy.stream
    strategy.train(stream.benchmark("task").train_stream[0], eval_streams=[])
    task = stream.data("train", 0)
    X = stream.normalisation(task.x, task.source).flatten(1)
    for name in ("fc1", "fc2"):
        assert plugin.M[name].dtype == torch.float64
        torch.testing.assert_close(plugin.M[name], X.double().mT @ X.double(), rtol=1e-5, atol=1e-4)
        X = torch.relu(X @ strategy.model.get_submodule(name).weight.detach().mT)
    assert {state.dtype for p in strategy.optimizer.state.values() for state in p.values()} == {
        torch.float32
    }


@pytest.mark.parametrize("name", MEASURING)
def test_what_methods_measure_and_keep_is_never_in_bf16(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Tensor] = []
    original = TaskPlugin.forward

    def watched(self: TaskPlugin, strategy: Any, batch: Any) -> Tensor:
        assert not torch.is_autocast_enabled("cpu")
        measured.append(original(self, strategy, batch))
        return measured[-1]

    monkeypatch.setattr(TaskPlugin, "forward", watched)
    spec = run_spec(name, "precision=bf16", "stream_args.tasks=2")
    work = WorkDir(tmp_path, spec.id)
    work.make()
    loop = TaskLoop(spec, work, load_stream(spec, None), None)
    record = loop.execute()
    assert record.status == "finished", record.error
    assert {logits.dtype for logits in measured} == {torch.float32}
    kept = [*tensors(loop.plugin.state_dict()), *loop.model.state_dict().values()]
    assert torch.bfloat16 not in {tensor.dtype for tensor in kept}
    inputs = {"fc1": 64, "fc2": 16}
    for layer, rank in record.tasks[-1].ranks.items():
        assert 0 < rank <= inputs.get(layer, 16)
    accuracies = [row[0] for row in record.accuracy_matrix]
    assert all(value is not None and value > 60 for value in accuracies)


def tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for item in value for t in tensors(item)] if isinstance(value, list | tuple) else []


def test_the_record_says_what_auto_became_also_where_a_run_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = run_spec("naive", "precision=auto")
    assert spec.id != run_spec("naive").id
    monkeypatch.setattr(outputs, "resolve", lambda *_: "bf16")
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path, notify=interrupt_at(1))
    monkeypatch.setattr(outputs, "resolve", lambda *_: "fp32")
    environment = run(spec, tmp_path).environment
    assert environment["precision"] == "bf16"
    assert environment["moves"] == [{"task": 2, "precision": "fp32"}]
