"""A run repeats bit for bit, pairs with other methods' runs, and ends as a record."""

from __future__ import annotations

import csv
import json
import random
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from avalanche.core import SupervisedPlugin
from small_runs import STRATEGIES, interrupt_at, make_strategy, run_spec, same_tensors
from torch import Tensor

import baselines
from benchmarks.backbones import BACKBONES
from benchmarks.build import build_model, load_stream
from benchmarks.claims import Claimed, claim
from benchmarks.errors import BadInput
from benchmarks.preflight import check_all
from benchmarks.protocol import Protocol
from benchmarks.records import RunRecord, record_path
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.task_loop import TaskLoop
from benchmarks.workdir import WorkDir
from ness import compat

DIMENSIONS = {"fc1": 64, "fc2": 16}


PARTS = ("train", "consolidate", "eval")
COSTS = {"train_s", "consolidate_s", "eval_s", "cpu_s", "peak_memory_bytes"}


def numbers(record: RunRecord) -> dict[str, Any]:
    """All that a run measured but times and memory."""
    return {
        "matrix": record.accuracy_matrix,
        "initial": record.initial_accuracy,
        "forward": record.forward_accuracy,
        "tasks": [task.model_dump(exclude=COSTS) for task in record.tasks],
    }


def trace(out: Path, spec: RunSpec) -> list[list[str]]:
    with WorkDir(out, spec.id).trace.open() as file:
        return list(csv.reader(file))


def starts(out: Path, spec: RunSpec) -> int:
    lines = WorkDir(out, spec.id).events.read_text().splitlines()
    return sum(json.loads(line)["event"] == "start" for line in lines)


# Repetition and pairing ------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_repeats_bit_for_bit(tmp_path: Path, strategy: str) -> None:
    spec = run_spec(strategy)
    torch.manual_seed(1)
    first = run(spec, tmp_path / "a")
    torch.manual_seed(2)
    torch.rand(7)
    second = run(spec, tmp_path / "b")
    assert first.status == "finished"
    assert numbers(first) == numbers(second)
    assert trace(tmp_path / "a", spec) == trace(tmp_path / "b", spec)


def initial_weights(spec: RunSpec) -> dict[str, Tensor]:
    stream = load_stream(spec, None)
    stream.benchmark()  # Avalanche's builders reset the global generator
    return build_model(spec, stream).state_dict()


def test_different_seeds_have_different_initial_weights() -> None:
    nets = [initial_weights(run_spec(seed=seed)) for seed in (0, 1, 2, 3)]
    for one, other in combinations(nets, 2):
        assert not any(torch.equal(one[name], other[name]) for name in one)


def test_each_seed_decides_its_own_part(tmp_path: Path) -> None:
    spec = run_spec()
    other_data = spec.model_copy(update={"data_seed": 9})
    other_weights = spec.model_copy(update={"init_seed": 9})
    assert same_tensors(initial_weights(spec), initial_weights(other_data))
    assert not same_tensors(initial_weights(spec), initial_weights(other_weights))
    first, again = (run(s, tmp_path) for s in (spec, other_data))
    assert first.initial_accuracy == again.initial_accuracy
    assert trace(tmp_path, spec) != trace(tmp_path, other_data)


PAIRED = ["naive", "frozen", "ness", "gpm", "lora"]


def test_after_task_1_the_methods_agree_bit_for_bit(tmp_path: Path) -> None:
    states = {}
    for strategy in PAIRED:
        spec = run_spec(strategy)
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path, notify=interrupt_at(task=1))
        states[strategy] = WorkDir(tmp_path, spec.id).load_checkpoint()
    rows = {strategy: json.loads(state["record"]) for strategy, state in states.items()}
    for strategy in PAIRED:
        assert same_tensors(states[strategy]["model"], states["naive"]["model"])
        assert rows[strategy]["accuracy_matrix"][0] == rows["naive"]["accuracy_matrix"][0]
        assert rows[strategy]["initial_accuracy"] == rows["naive"]["initial_accuracy"]


def test_the_order_of_batches_is_the_same_for_every_method() -> None:
    orders = {}
    for name in ("naive", "ness", "lora"):
        spec = run_spec(name, "protocol.epochs=1")
        strategy = make_strategy(spec, [baselines.load(name)(**spec.strategy_args)])
        seen: list[Tensor] = []

        class Order(SupervisedPlugin[Any]):
            def before_forward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
                seen.append(strategy.mb_x.clone())  # noqa: B023

        strategy.plugins.append(Order())
        for experience in strategy.stream.benchmark().train_stream:
            strategy.train(experience)
        orders[name] = torch.cat(seen)
    assert torch.equal(orders["naive"], orders["ness"])
    assert torch.equal(orders["naive"], orders["lora"])


class Dropout(SupervisedPlugin[Any]):
    """Draws from the global generator in every training step, as dropout does."""

    def before_forward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        strategy.mbatch[0] = strategy.mb_x * (torch.rand_like(strategy.mb_x) > 0.2)


@pytest.mark.parametrize("name", ["naive", "ness", "adam_nscl", "lora"])
def test_evaluating_more_often_changes_no_weight(name: str) -> None:
    spec = run_spec(name)

    def weights(eval_every: int, between: bool) -> dict[str, Tensor]:
        method = baselines.load(name)(**spec.strategy_args)
        plugins = [Dropout(), Protocol(spec.protocol, seed=1), method]
        strategy = make_strategy(spec, plugins, eval_every=eval_every)
        benchmark = strategy.stream.benchmark()
        torch.manual_seed(5)
        for experience in benchmark.train_stream:
            streams = [benchmark.test_stream, benchmark.valid_stream]
            strategy.train(experience, eval_streams=streams if eval_every > 0 else [])
            if between:
                with compat.isolated_rng():
                    strategy.eval(benchmark.test_stream)
                    torch.rand(3)
        weights: dict[str, Tensor] = strategy.model.state_dict()
        return weights

    plain = weights(-1, between=False)
    assert same_tensors(weights(-1, between=True), plain)
    assert same_tensors(weights(1, between=False), plain)


def test_evaluating_leaves_the_generators_of_a_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a net draws numbers while it is evaluated."""
    spec = run_spec("lora")
    plain = run(spec, tmp_path)
    forward = torch.nn.Linear.forward

    def drawing(self: Any, x: Tensor) -> Tensor:
        if not self.training:
            torch.rand(3)
            random.random()
            np.random.rand()
        return forward(self, x)

    monkeypatch.setattr(torch.nn.Linear, "forward", drawing)
    one = TaskLoop(spec, WorkDir(tmp_path, "x"), load_stream(spec, None), None)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert one._evaluate(range(3)).any_class == plain.initial_accuracy
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


# What a record holds ---------------------------------------------------------------------


def test_the_record_has_the_schema_of_the_issue(tmp_path: Path) -> None:
    spec = run_spec("ness")
    run(spec, tmp_path)
    path = record_path(tmp_path, spec.stream, "ness", spec.id)
    assert path == tmp_path / "runs/split_digits/til/ness" / f"{spec.id}.json"
    assert path.stat().st_size <= 20_000
    data = json.loads(path.read_text())
    assert data["schema"] == 1
    assert data["id"] == spec.id
    assert RunSpec.model_validate(data["spec"]) == spec
    assert data["spec"]["strategy"] == "ness"
    assert data["status"] == "finished"
    assert data["error"] is None
    assert [[value is None for value in row] for row in data["accuracy_matrix"]] == [
        [False, True, True],
        [False, False, True],
        [False, False, False],
    ]
    assert len(data["initial_accuracy"]) == 3
    assert None not in data["initial_accuracy"] + data["forward_accuracy"]
    assert data["forward_accuracy"][0] == data["initial_accuracy"][0]
    assert data["layers"] == list(DIMENSIONS)
    assert len(data["tasks"]) == 3
    for number, task in enumerate(data["tasks"]):
        assert {"train_s", "consolidate_s", "eval_s", "epochs", "state_bytes"} <= task.keys()
        for key in ("ranks", "interference", "interference_bound"):
            assert len(task[key]) == (len(data["layers"]) if number else 0)
        for value, bound in zip(task["interference"], task["interference_bound"], strict=True):
            assert 0 < value <= bound
        assert task["epochs"] == 2
        assert 0 < task["cpu_s"] <= 1.5 * sum(task[f"{part}_s"] for part in PARTS) + 0.1
    assert data["stream"]["split_hash"] == load_stream(spec, None).split_hash
    environment = data["environment"]
    assert environment["torch"] == torch.__version__.partition("+")[0]
    assert environment["avalanche-lib"] == "0.6.0"
    assert environment["threads"] == 1
    expected = {"git_commit", "git_dirty", "cpu", "cores", "host", "python", "ness"}
    assert expected <= environment.keys()
    assert data["started"] <= data["ended"]


def test_nothing_but_records_lies_below_runs(tmp_path: Path) -> None:
    specs = [run_spec("naive"), run_spec("ness", "stream_args.tasks=1")]
    for spec in specs:
        run(spec, tmp_path)
    files = {path for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert files == {record_path(tmp_path, s.stream, s.strategy, s.id) for s in specs}
    work = {path.name for path in (tmp_path / "work" / specs[0].id).iterdir()}
    assert work - {"log"} == {"trace.csv", "events.jsonl", "claim.1"}


def test_the_trace_has_a_line_an_epoch(tmp_path: Path) -> None:
    spec = run_spec()
    run(spec, tmp_path)
    header, *lines = trace(tmp_path, spec)
    assert header == ["task", "epoch", "lr", "train_loss", "valid_loss"]
    assert [(int(t), int(e)) for t, e, *_ in lines] == [(t, e) for t in range(3) for e in range(2)]
    assert all(float(lr) == 0.05 for _, _, lr, *_ in lines)


def test_joint_learns_everything_at_once_and_fills_the_last_row(tmp_path: Path) -> None:
    record = run(run_spec("joint"), tmp_path)
    assert record.accuracy_matrix[:2] == [[None] * 3] * 2
    assert None not in record.accuracy_matrix[2]
    assert len(record.tasks) == 1
    tiny = run(run_spec("joint", "protocol.batch_size=2", "protocol.epochs=1"), tmp_path)
    assert tiny.status == "finished", "a batch smaller than the number of tasks"


def test_state_bytes_are_what_the_method_keeps(tmp_path: Path) -> None:
    moments = 8 * sum(d * d for d in DIMENSIONS.values())
    expected = {"naive": 0, "frozen": 0, "lora": 0, "ness": moments}
    for strategy, size in expected.items():
        tasks = run(run_spec(strategy), tmp_path).tasks
        assert {task.state_bytes for task in tasks} == {size}
    tasks = run(run_spec("adam_nscl"), tmp_path).tasks
    assert {task.state_bytes for task in tasks} == {moments}
    tasks = run(run_spec("gpm"), tmp_path).tasks
    for now, then in pairwise(tasks):
        kept = sum(4 * d * (d - then.ranks[layer]) for layer, d in DIMENSIONS.items())
        assert now.state_bytes == kept


def test_trainable_parameters_count_one_head_and_the_update(tmp_path: Path) -> None:
    trunk, head = 64 * 16 + 16 * 16, 2 * 16
    expected = {"naive": [trunk + head] * 3, "frozen": [trunk + head, head, head]}
    for strategy, counts in expected.items():
        tasks = run(run_spec(strategy), tmp_path).tasks
        assert [task.trainable_parameters for task in tasks] == counts
    first, *later = run(run_spec("ness"), tmp_path).tasks
    assert first.trainable_parameters == trunk + head
    for task in later:
        assert task.trainable_parameters == 16 * sum(task.ranks.values()) + head


# How runs end ----------------------------------------------------------------------------


def test_a_failed_run_is_a_record_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, strategy: Any) -> None:
        if self.tasks_done == 1:
            raise RuntimeError("boom " * 10_000)

    spec = run_spec("naive")
    monkeypatch.setattr(baselines.load("naive"), "end_task", fail)
    record = run(spec, tmp_path)
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.startswith("Traceback")
    assert "in fail" in record.error
    assert record.error.rstrip().endswith("boom")
    assert len(record.tasks) == 1
    path = record_path(tmp_path, spec.stream, "naive", spec.id)
    assert path.stat().st_size <= 20_000
    assert RunRecord.read(path).accuracy_matrix[0][0] is not None
    log = WorkDir(tmp_path, spec.id).log.read_text()
    assert "boom " * 10_000 in log, "the log has all of it"


def test_a_diverged_run_is_a_record_that_names_task_and_epoch(tmp_path: Path) -> None:
    spec = run_spec("naive", "optimizer.lr=1e20")
    record = run(spec, tmp_path)
    assert record.status == "diverged"
    assert record.error is not None
    assert "at task 1, epoch 1" in record.error
    assert record.initial_accuracy[0] is not None
    assert RunRecord.read(record_path(tmp_path, spec.stream, "naive", spec.id)) == record
    assert not WorkDir(tmp_path, spec.id).checkpoint.exists()


def test_a_run_that_has_a_record_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another sweep on the same folder may have finished it since this one looked."""
    spec = run_spec()
    first = run(spec, tmp_path)
    assert run(spec, tmp_path) == first
    assert run(spec, tmp_path, retry=frozenset({"failed"})) == first
    assert starts(tmp_path, spec) == 1

    failing = run_spec("frozen")

    def fail(*_: Any) -> None:
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(baselines.load("frozen"), "begin_task", fail)
        assert run(failing, tmp_path).status == "failed"
    assert run(failing, tmp_path).status == "failed"
    assert run(failing, tmp_path, retry=frozenset({"failed"})).status == "finished"


def test_a_run_that_is_claimed_is_refused_untouched(tmp_path: Path) -> None:
    spec = run_spec()
    work = WorkDir(tmp_path, spec.id)
    with claim(work.claim), pytest.raises(Claimed):
        run(spec, tmp_path)
    assert not work.events.exists()
    assert run(spec, tmp_path).status == "finished"


def test_threads_and_determinism_are_given_back(tmp_path: Path) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    seen = []
    run(
        run_spec("naive", "threads=2", "stream_args.tasks=1"),
        tmp_path,
        notify=lambda *_: seen.append(
            (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
        ),
    )
    assert seen == [(2, True)] * 2
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


# What cannot run -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "override", "message"),
    [
        ("ness", "strategy.ness.include=conv*", r"include = 'conv\*' matches no layer"),
        ("ness", "strategy.ness.exclude=fc*", "no Linear or convolution layer outside its heads"),
        ("ness", "strategy.ness.heads=head", "heads = 'head' matches no layer"),
        ("gpm", "strategy.gpm.include=fc9", "include = 'fc9' matches no layer"),
        ("lora", "strategy.lora.exclude=fc9", "exclude = 'fc9' matches no layer"),
    ],
)
def test_a_layer_pattern_that_fits_nothing_is_bad_input(
    strategy: str, override: str, message: str
) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        check_all([run_spec(strategy, override)], None, None)
    assert "\n" not in str(caught.value)
    assert f"strategy.{strategy}" in str(caught.value)


def test_a_model_without_heads_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def headless(**_: Any) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))

    spec = run_spec("ness")
    monkeypatch.setitem(BACKBONES, "mlp", headless)
    with pytest.raises(BadInput, match="has no head a task"):
        check_all([spec], None, None)


def test_a_scenario_that_a_method_does_not_support_is_bad_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baselines.load("ness"), "scenarios", frozenset({"cil"}))
    with pytest.raises(BadInput, match="'ness' does not support 'til'; it supports cil"):
        check_all([run_spec("ness")], None, None)


def test_the_kept_epoch_is_that_of_the_lowest_validation_loss(tmp_path: Path) -> None:
    spec = run_spec("naive", "protocol.epochs=4")
    record = run(spec, tmp_path)
    last = run(run_spec("naive", "protocol.epochs=4", "protocol.keep=last"), tmp_path)
    assert [task.best_epoch for task in last.tasks] == [task.epochs for task in last.tasks]
    with WorkDir(tmp_path, spec.id).trace.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, task in enumerate(record.tasks):
        losses = [float(row["valid_loss"]) for row in rows if int(row["task"]) == number]
        assert task.best_epoch == 1 + losses.index(min(losses))
