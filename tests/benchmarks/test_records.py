"""A record is whole or refused, small, and written so that a crash cannot tear it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from small_runs import run_spec

from benchmarks import environment
from benchmarks.record_parts import TaskRecord
from benchmarks.records import (
    DamagedRecord,
    RunRecord,
    read_all,
    record_path,
    write_atomically,
)
from benchmarks.workdir import read_or_set_aside


def record(**changes: Any) -> RunRecord:
    spec = run_spec("ness")
    values: dict[str, Any] = {
        "schema": 1,
        "id": spec.id,
        "spec": spec.model_dump(mode="json"),
        "status": "finished",
        "accuracy_matrix": [[90.0, None], [80.5, 70.25]],
        "initial_accuracy": [50.0, 49.0],
        "forward_accuracy": [50.0, 48.0],
        "tasks": [],
        "stream": {"name": spec.stream},
        "environment": {},
        "started": "2026-01-01T00:00:00+00:00",
    }
    return RunRecord(**values | changes)


def test_a_record_reads_as_it_was_written(tmp_path: Path) -> None:
    written = record()
    path = written.write(tmp_path)
    assert path == tmp_path / "runs/split_digits/til/ness" / f"{written.id}.json"
    assert RunRecord.read(path) == written
    assert list(read_all(tmp_path)) == [written]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_was_added_to_the_schema_is_optional_and_no_clutter() -> None:
    old = record().to_json()
    assert "task_aware" not in old
    assert "keeps_data" not in old
    assert RunRecord.model_validate_json(old).keeps_data is None
    new = record(accuracy_matrix_task_aware=[[95.0, None], [90.0, 80.0]], keeps_data=False)
    assert RunRecord.model_validate_json(new.to_json()) == new
    added = set(new.to_json().splitlines()) - set(old.splitlines())
    assert ' "keeps_data": false,' in added


def full_record(tasks: int, layers: Sequence[str]) -> RunRecord:
    """As long as they come: a value of every layer in every task, accuracies with all digits."""
    task = TaskRecord(
        train_s=1234.567,
        consolidate_s=1234.567,
        eval_s=1234.567,
        cpu_s=12345.678,
        epochs=200,
        best_epoch=200,
        trainable_parameters=6_713_216,
        state_bytes=123_456_789,
        peak_memory_bytes=12_345_678_901,
        ranks=dict.fromkeys(layers, 1440),
        interference=dict.fromkeys(layers, 0.01234),
        interference_bound=dict.fromkeys(layers, 0.1234),
    )
    matrix = [[77.777778] * (i + 1) + [None] * (tasks - 1 - i) for i in range(tasks)]
    return record(
        accuracy_matrix=matrix,
        initial_accuracy=[10.666667] * tasks,
        forward_accuracy=[10.666667] * tasks,
        tasks=[task] * tasks,
        stream={
            "name": "split_miniimagenet/til",
            "classes": [[96, 97, 98, 99, 95]] * tasks,
            "samples": [[2450, 50, 500]] * tasks,
            "data_hash": "0" * 64,
            "split_hash": "0" * 64,
        },
        keeps_data=False,
    )


RESNET18 = [
    "conv1",
    *(f"layer{i}.{j}.conv{k}" for i in range(1, 5) for j in range(2) for k in (1, 2)),
    *(f"layer{i}.0.shortcut" for i in (2, 3, 4)),
]


def test_the_record_of_the_largest_paper_benchmark_stays_below_20_kb() -> None:
    largest = full_record(20, RESNET18)
    largest.environment |= environment.describe("cpu", 1)
    largest.environment["moves"] = [{"task": 20, "host": "node-0123.cluster.example"}] * 5
    assert len(largest.to_json().encode()) < 20_000
    assert RunRecord.model_validate_json(largest.to_json()) == largest


def test_layers_that_come_and_go_are_read_as_they_were_written() -> None:
    first, *_ = full_record(1, ["conv1"]).tasks
    tasks = [
        first.model_copy(update={"ranks": {}, "interference": {}, "interference_bound": {}}),
        first.model_copy(update={"ranks": {"fc1": 3, "conv1": 2}, "interference": {"fc1": 0.5}}),
        first,
    ]
    written = full_record(3, []).model_copy(update={"tasks": tasks})
    assert RunRecord.model_validate_json(written.to_json()) == written


def test_records_with_a_table_of_layers_in_every_task_are_still_read() -> None:
    written = full_record(2, ["conv1", "fc1"])
    older = json.dumps(written.model_dump(by_alias=True, mode="json"))
    assert '"layers"' not in older
    assert RunRecord.model_validate_json(older) == written


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"layers": ["conv1", "fc1"]', '"layers": ["conv1"]'),
        ('"layers": ["conv1", "fc1"]', '"layers": ["conv1", "conv1"]'),
        ('"layers": ["conv1", "fc1"]', '"layers": ["conv1", 1]'),
        ('"layers": ["conv1", "fc1"]', '"layers": 2'),
        ('"ranks":[1440,1440]', '"ranks":[1440,"all"]'),
    ],
)
def test_layers_that_do_not_fit_are_refused(old: str, new: str) -> None:
    text = full_record(2, ["conv1", "fc1"]).to_json()
    assert old in text
    with pytest.raises(ValidationError):
        RunRecord.model_validate_json(text.replace(old, new))


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy_matrix": [[90.0], [80.5, 70.25]]},
        {"accuracy_matrix": [[100.1, None], [80.5, 70.25]]},
        {"accuracy_matrix": [[-0.1, None], [80.5, 70.25]]},
        {"accuracy_matrix": [[float("nan"), None], [80.5, 70.25]]},
        {"initial_accuracy": [50.0]},
        {"forward_accuracy": []},
        {"accuracy_matrix_task_aware": [[90.0]]},
        {"accuracy_matrix_task_aware": [[90.0, None], [80.5]]},
        {"accuracy_matrix_task_aware": [[90.0, None], [80.5, 100.1]]},
        {"status": "done"},
        {"schema": 2},
        {"extra": 1},
    ],
)
def test_what_no_run_can_measure_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        record(**changes)


def damage(text: str, kind: str) -> bytes:
    data = json.loads(text)
    if kind == "empty":
        return b""
    if kind == "cut off":
        return text[: len(text) // 2].encode()
    if kind == "binary":
        return b"\x00\xff" * 10
    if kind == "another id":
        data["id"] = "0" * 16
    elif kind == "no strategy":
        del data["spec"]["strategy"]
    elif kind == "no matrix":
        del data["accuracy_matrix"]
    elif kind == "a list":
        data = [data]
    return json.dumps(data).encode()


KINDS = ["empty", "cut off", "binary", "another id", "no strategy", "no matrix", "a list"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_record_is_named_and_set_aside(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record().write(tmp_path)
    content = damage(path.read_text(), kind)
    path.write_bytes(content)
    with pytest.raises(DamagedRecord, match=path.name) as caught:
        RunRecord.read(path)
    assert len(str(caught.value).splitlines()) == 1
    assert [type(found) for found in read_all(tmp_path)] == [DamagedRecord]

    assert read_or_set_aside(path) is None
    assert path.name in capsys.readouterr().err
    aside = path.with_name(f"{path.name}.damaged-1")
    assert aside.read_bytes() == content
    assert not list(read_all(tmp_path))
    path.write_bytes(content)
    assert read_or_set_aside(path) is None
    assert path.with_name(f"{path.name}.damaged-2").exists()


def test_a_write_that_fails_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, b"old")

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_part_of_a_write_is_no_record(tmp_path: Path) -> None:
    """A process killed while it writes leaves its part behind; nothing may read it."""
    spec = run_spec()
    path = record_path(tmp_path, spec.stream, spec.strategy, spec.id)
    path.parent.mkdir(parents=True)
    path.with_name(f".{path.name}.123.partial").write_bytes(b"{")
    assert not list(read_all(tmp_path))
    assert not list((tmp_path / "runs").rglob("*.json"))


def test_a_record_remembers_where_its_run_moved_to() -> None:
    began = {"host": "a", "torch": "2.1", "cpu": "x"}
    assert environment.moved(began, dict(began), task=2) is began
    once = environment.moved(began, began | {"host": "b"}, task=2)
    assert once == began | {"moves": [{"task": 2, "host": "b"}]}
    assert environment.moved(once, began | {"host": "b"}, task=3) is once
    back = environment.moved(once, began, task=3)
    assert back["moves"] == [{"task": 2, "host": "b"}, {"task": 3, "host": "a"}]
    for task in range(4, 50):
        back = environment.moved(back, began | {"host": str(task)}, task)
    assert [move["task"] for move in back["moves"]] == [45, 46, 47, 48, 49]
