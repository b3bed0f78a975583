"""A run killed anywhere goes on to the very record that it would have written undisturbed."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import STRATEGIES, interrupt_at, run_spec
from test_run import numbers, trace

import baselines
from benchmarks.build import load_stream
from benchmarks.records import RunRecord, record_path
from benchmarks.run import run
from benchmarks.streams.stream import Stream
from benchmarks.workdir import WorkDir


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_run_killed_in_every_task_equals_one_left_alone(tmp_path: Path, strategy: str) -> None:
    spec = run_spec(strategy)
    alone = run(spec, tmp_path / "alone")
    out, resumable = tmp_path / "killed", baselines.load(strategy).resumable
    for task in range(len(alone.tasks)):
        torch.manual_seed(task)
        with pytest.raises(KeyboardInterrupt):
            run(spec, out, notify=interrupt_at(task, epoch=task % 2))
        assert not record_path(out, spec.stream, strategy, spec.id).exists()
        assert WorkDir(out, spec.id).checkpoint.exists() == (task > 0 and resumable)
    resumed = run(spec, out)
    assert numbers(resumed) == numbers(alone)
    assert trace(out, spec) == trace(tmp_path / "alone", spec)
    assert not WorkDir(out, spec.id).checkpoint.exists()
    if len(alone.tasks) == 3 and resumable:
        assert "going on after task 2" in WorkDir(out, spec.id).log.read_text()


@pytest.mark.parametrize(
    "override",
    [
        "strategy.ness.moments=recompute",
        "strategy.ness.rule=energy",
        "optimizer={name='adam',lr=0.01}",
    ],
)
def test_variants_of_ness_resume_too(tmp_path: Path, override: str) -> None:
    spec = run_spec("ness", override)
    alone = run(spec, tmp_path / "alone")
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", notify=interrupt_at(task=2))
    assert numbers(run(spec, tmp_path / "killed")) == numbers(alone)


def test_a_run_killed_after_its_last_task_trains_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    spec = run_spec("ness")
    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "write", die)
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path)
    record = run(spec, tmp_path, notify=lambda *_: pytest.fail("trained again"))
    assert record.status == "finished"
    assert len(record.tasks) == 3


def states() -> dict[str, Any]:
    """Files that are no checkpoint of the run: torn, of something else, of another version."""
    return {
        "torn": b"PK\x03\x04 half a file",
        "empty": b"",
        "no table": [1, 2],
        "no model": {"id": "x", "tasks_done": 1, "method": {}, "record": "{}"},
        "another run": "another run",
        "another version of the method": "method",
        "another net": "model",
    }


@pytest.mark.parametrize("kind", list(states()))
def test_a_damaged_checkpoint_is_named_set_aside_and_the_run_starts_over(
    tmp_path: Path, kind: str
) -> None:
    spec, content = run_spec("ness"), states()[kind]
    work = WorkDir(tmp_path, spec.id)
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path, notify=interrupt_at(task=1))
    if kind == "another run":
        other = run_spec("ness", seed=2)
        with pytest.raises(KeyboardInterrupt):
            run(other, tmp_path, notify=interrupt_at(task=1))
        work.checkpoint.write_bytes(WorkDir(tmp_path, other.id).checkpoint.read_bytes())
    elif kind in ("another version of the method", "another net"):
        state = torch.load(work.checkpoint, weights_only=True)
        if content == "method":
            del state["method"]["M"]
        else:
            state["model"]["fc2.weight"] = torch.zeros(3, 3)
        torch.save(state, work.checkpoint)
    elif isinstance(content, bytes):
        work.checkpoint.write_bytes(content)
    else:
        torch.save(content, work.checkpoint)

    record = run(spec, tmp_path)
    assert numbers(record) == numbers(run(spec, tmp_path / "alone"))
    assert trace(tmp_path, spec) == trace(tmp_path / "alone", spec)
    assert "damaged checkpoint" in work.log.read_text()
    assert work.checkpoint.with_name("checkpoint.pt.damaged-1").exists()


def test_a_checkpoint_loads_nothing_but_tensors_and_plain_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Exploit:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "pwned",))

    work = WorkDir(tmp_path, "x")
    work.folder.mkdir(parents=True)
    torch.save({"id": Exploit()}, work.checkpoint)
    with caplog.at_level(logging.WARNING):
        assert work.load_checkpoint() is None
    assert not (tmp_path / "pwned").exists()
    assert "damaged checkpoint" in caplog.text


@pytest.mark.parametrize("left", ["", "task,epoch", "task,epoch,lr,train_loss,valid_loss\n0,0,0."])
def test_a_trace_cut_off_in_its_first_lines_does_not_stop_a_run(tmp_path: Path, left: str) -> None:
    spec = run_spec()
    work = WorkDir(tmp_path / "torn", spec.id)
    work.folder.mkdir(parents=True)
    work.trace.write_text(left)
    run(spec, tmp_path / "torn")
    run(spec, tmp_path / "alone")
    assert trace(tmp_path / "torn", spec) == trace(tmp_path / "alone", spec)


def test_a_run_is_not_resumed_on_other_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_images(*arguments: Any) -> Stream:
        stream = load_stream(*arguments)
        flipped = [
            replace(task, train=replace(task.train, x=task.train.x.flip(-1)))
            for task in stream.tasks
        ]
        return replace(stream, tasks=tuple(flipped))

    spec = run_spec("naive")
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "mixed", notify=interrupt_at(task=1))
    monkeypatch.setattr("benchmarks.run.load_stream", other_images)
    mixed, alone = run(spec, tmp_path / "mixed"), run(spec, tmp_path / "alone")
    assert numbers(mixed) == numbers(alone)
    assert mixed.stream == alone.stream
    assert "made on other images" in WorkDir(tmp_path / "mixed", spec.id).log.read_text()


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    spec = run_spec("naive")
    work = WorkDir(tmp_path, spec.id)
    for _ in range(2):  # a run, and then one that finds its record
        work.folder.mkdir(parents=True, exist_ok=True)
        partial = work.folder / ".checkpoint.pt.12345.partial"
        partial.touch()
        run(spec, tmp_path)
        assert not partial.exists()
        work.checkpoint.touch()
    run(spec, tmp_path)
    assert not work.checkpoint.exists()


def test_a_failed_run_is_retried_from_its_last_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = run_spec("naive")
    alone = run(spec, tmp_path / "alone")

    def fail(task: int, *_: int) -> None:
        if task == 2:
            raise RuntimeError("the disk is on fire")

    assert run(spec, tmp_path, notify=fail).status == "failed"
    trained = []
    again = run(
        spec, tmp_path, notify=lambda task, *_: trained.append(task), retry=frozenset({"failed"})
    )
    assert set(trained) == {2}
    assert numbers(again) == numbers(alone)
