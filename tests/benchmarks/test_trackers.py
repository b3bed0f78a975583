"""Curves in TensorBoard and W&B: they say what the record says, and change nothing."""

from __future__ import annotations

import csv
import os
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_runs import SMALL, interrupt_at, run_spec, run_specs
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_cli import Cli, assert_bad_input, cli
from test_run import numbers, trace

from benchmarks import trackers
from benchmarks.records import RunRecord, read_all
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir

__all__ = ["cli"]  # a fixture


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")


Curves = dict[str, dict[int, float]]


def tensorboard(out: Path, spec: RunSpec) -> Curves:
    """What TensorBoard shows: values by name and step; no step twice."""
    events = EventAccumulator(
        str(WorkDir(out, spec.id).folder / "tensorboard"), size_guidance={"scalars": 0}
    )
    events.Reload()
    curves: Curves = {}
    for name in events.Tags()["scalars"]:
        points = events.Scalars(name)
        curves[name] = {point.step: point.value for point in points}
        assert len(points) == len(curves[name]), name
    return curves


def chunks(data: bytes) -> Iterator[bytes]:
    """The records of a W&B file: a header of 7 bytes, then LevelDB's log in blocks of 32 KiB."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield whole
            whole = b""


def wandb(out: Path, spec: RunSpec) -> Curves:
    """What W&B would upload, in the order of its attempts: later ones replace nothing."""
    from wandb.proto.wandb_internal_pb2 import Record

    curves: dict[str, dict[int, float]] = defaultdict(dict)
    folder = WorkDir(out, spec.id).folder / "wandb"
    # Those of one second have one name, and W&B numbers the folders.
    for path in sorted(folder.glob("offline-run-*/*.wandb"), key=lambda p: p.stat().st_mtime_ns):
        for data in chunks(path.read_bytes()):
            record = Record.FromString(data)
            for item in record.history.item:
                name = item.key or "/".join(item.nested_key)
                curves[name].setdefault(record.history.step.num, float(item.value_json))
    return dict(curves)


def expected(out: Path, record: RunRecord) -> Curves:
    """The curves by record and trace."""
    curves: dict[str, dict[int, float]] = defaultdict(dict)
    with WorkDir(out, record.id).trace.open() as file:
        for step, row in enumerate(csv.DictReader(file), start=1):
            curves["loss/train"][step] = float(row["train_loss"])
            curves["loss/valid"][step] = float(row["valid_loss"])
            curves["lr"][step] = float(row["lr"])
            curves["task"][step] = int(row["task"]) + 1
    step = 0
    for task, row in zip(record.tasks, record.accuracy_matrix, strict=True):
        step += task.epochs
        values: dict[str, Any] = {f"accuracy/task_{j:02}": v for j, v in enumerate(row, start=1)}
        values |= {f"rank/{layer}": v for layer, v in task.ranks.items()}
        values |= {f"interference/{layer}": v for layer, v in task.interference.items()}
        for name, value in values.items():
            if value is not None:
                curves[name][step] = value
    return dict(curves)


def assert_same(found: Curves, wanted: Curves) -> None:
    assert wanted.keys() <= found.keys()
    for name, curve in wanted.items():
        assert found[name] == pytest.approx(curve, rel=1e-6), name


def test_both_say_what_the_record_says_and_change_nothing(tmp_path: Path) -> None:
    spec = run_spec("ness")
    plain = run(spec, tmp_path / "plain")
    tracked = run(spec, tmp_path / "tracked", trackers=("tensorboard", "wandb"))
    assert numbers(tracked) == numbers(plain)
    assert trace(tmp_path / "tracked", spec) == trace(tmp_path / "plain", spec)
    wanted = expected(tmp_path / "tracked", tracked)
    assert "interference/fc1" in wanted
    shown = tensorboard(tmp_path / "tracked", spec)
    assert shown.keys() == wanted.keys()
    assert_same(shown, wanted)
    assert_same(wandb(tmp_path / "tracked", spec), wanted)
    assert not Path("wandb").exists()
    assert "going on without" not in WorkDir(tmp_path / "tracked", spec.id).log.read_text()


def test_a_resumed_run_goes_on_without_a_step_twice(tmp_path: Path) -> None:
    spec = run_spec("ness")
    for task in (0, 2):
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path, notify=interrupt_at(task, 1), trackers=("tensorboard", "wandb"))
    record = run(spec, tmp_path, trackers=("tensorboard", "wandb"))
    wanted = expected(tmp_path, record)
    assert_same(tensorboard(tmp_path, spec), wanted)
    assert_same(wandb(tmp_path, spec), wanted)


def test_workers_track_too(tmp_path: Path) -> None:
    specs = run_specs(["naive", "joint"], [1])
    counts = sweep(specs, tmp_path, workers=2, trackers=("tensorboard",))
    assert counts == {"finished": 2}
    for record in read_all(tmp_path):
        assert isinstance(record, RunRecord)
        (spec,) = [spec for spec in specs if spec.id == record.id]
        shown = tensorboard(tmp_path, spec)
        assert len(shown["loss/train"]) == sum(task.epochs for task in record.tasks)
        last = max(shown["loss/train"])
        assert shown["accuracy/task_03"] == {last: pytest.approx(record.accuracy_matrix[-1][2])}


@pytest.mark.parametrize("method", ["log_metrics", "close", "__init__"])
def test_a_tracker_that_fails_is_named_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the server\nis away")

    monkeypatch.setattr(trackers.Tensorboard, method, fail)
    spec = run_spec()
    assert run(spec, tmp_path, trackers=("tensorboard",)).status == "finished"
    log = WorkDir(tmp_path, spec.id).log.read_text()
    assert log.count("failed (the server is away); going on without") == 1


def test_bad_trackers(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("sweep", SMALL, "--out", tmp_path)
    assert_bad_input(cli(*command, "--log", "tensorbord"), "did you mean 'tensorboard'?")
    monkeypatch.setattr(trackers, "find_spec", lambda _: None)
    assert_bad_input(cli(*command, "--log", "wandb"), "`pip install wandb`")
    assert not list(tmp_path.glob("runs"))


def test_wandb_without_an_account_is_bad_input(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if key != "WANDB_MODE"}
    command = ["-m", "benchmarks", "sweep", SMALL, "--out", tmp_path / "out", "--log", "wandb"]
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env=env | {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    said = "error: --log wandb: not logged in; `wandb login`, or set WANDB_MODE=offline\n"
    assert done.stderr == said
    assert not (tmp_path / "out").exists()


def test_the_command_line_tracks(cli: Cli, tmp_path: Path) -> None:
    command = ("run", SMALL, "--out", tmp_path, "--strategy", "naive", "--seed", 1)
    assert cli(*command, "--log", "tensorboard", "--log", "tensorboard").status == 0
    assert tensorboard(tmp_path, run_spec())["task"]
