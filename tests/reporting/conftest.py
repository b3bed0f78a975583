from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reporting_records import HAND, JOINT, MakeRecord, shifted, task

from benchmarks.integrity import id_of
from benchmarks.record_parts import Matrix, TaskRecord
from benchmarks.records import RunRecord


@pytest.fixture
def make(tmp_path: Path) -> MakeRecord:
    """Write a record below `tmp_path` and return it; `spec` holds dotted changes."""
    numbers = iter(range(10_000))

    def make_record(
        strategy: str = "ness",
        seed: int = 0,
        matrix: Matrix = HAND,
        *,
        stream: str = "split_digits/til",
        status: str = "finished",
        error: str | None = None,
        tasks: list[TaskRecord] | None = None,
        spec: dict[str, Any] | None = None,
        forward: list[float | None] | None = None,
        initial: list[float | None] | None = None,
        task_aware: Matrix | None = None,
        lowest: Matrix | None = None,
        keeps_data: bool | None = None,
        described: dict[str, Any] | None = None,
        environment: dict[str, Any] | None = None,
    ) -> RunRecord:
        full: dict[str, Any] = {
            "stream": stream,
            "stream_args": {},
            "backbone": {"name": "mlp", "width": 256},
            "strategy": strategy,
            "strategy_args": {},
            "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9},
            "protocol": {"epochs": 30},
            "seed": seed,
            "init_seed": seed,
            "data_seed": seed,
            "class_order_seed": next(numbers),  # so that no two have one id
        }
        for key, value in (spec or {}).items():
            table, _, name = key.partition(".")
            full[table] = {**full[table], name: value} if name else value
        size = len(matrix)
        record = RunRecord(
            id=id_of(full),
            spec=full,
            status=status,
            error=error,
            accuracy_matrix=matrix,
            accuracy_matrix_task_aware=task_aware,
            lowest_accuracy=lowest,
            keeps_data=keeps_data,
            initial_accuracy=initial or [None] * size,
            forward_accuracy=forward or [None] * size,
            tasks=[task() for _ in range(size)] if tasks is None else tasks,
            stream={"name": stream, **(described or {})},
            environment=environment or {},
            started="2025-01-01T00:00:00+00:00",
            ended="2025-01-01T00:01:00+00:00",
        )
        record.write(tmp_path)
        return record

    return make_record


@pytest.fixture
def comparison(make: MakeRecord, tmp_path: Path) -> Path:
    """A folder of three methods with three seeds each, of which `joint` trains once."""
    for seed, shift in enumerate((-2.0, 0.0, 2.0)):
        make("ness", seed, shifted(HAND, shift))
        make("naive", seed, shifted(HAND, shift - 1))
        make("joint", seed, shifted(JOINT, shift / 2), tasks=[task(state_bytes=0)])
    return tmp_path
