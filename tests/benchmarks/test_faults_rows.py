"""What failed or diverged is a row of the table, and is repeated when asked for, and then alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from damage import cli
from faults import small_sweep
from test_run import starts

import baselines
from benchmarks.records import RunRecord, read_all
from benchmarks.spec import RunSpec


def fail(*_: Any) -> None:
    raise RuntimeError("boom")


def times_run(out: Path) -> dict[str, int]:
    found = {}
    for record in read_all(out):
        assert isinstance(record, RunRecord)
        found[str(record.spec["strategy"])] = starts(out, RunSpec(**record.spec))
    return found


def test_rows_and_what_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wild = "strategy.lora.optimizer.lr=1e20"
    command = small_sweep(tmp_path, '["naive","frozen","lora"]', wild)
    with monkeypatch.context() as patch:
        patch.setattr(baselines.load("frozen"), "begin_task", fail)
        status, printed, errors = cli(*command)
    assert (status, printed) == (1, "1 diverged, 1 failed, 1 finished\n")
    assert errors.splitlines()[-1] == (
        f"`python -m benchmarks status {tmp_path}` has the reasons; `sweep` runs them again with "
        f"--retry failed --retry diverged"
    )
    shown = cli("tables", tmp_path)[1]
    assert "lora: diverged (seed 1)" in shown
    assert "frozen: failed (seed 1)" in shown
    for text in (cli("status", tmp_path)[1], markdown(tmp_path)):
        assert "at task 1, epoch 1" in text
        assert "RuntimeError: boom" in text

    assert cli(*command)[1] == "1 diverged, 1 failed, 1 finished\n"
    assert times_run(tmp_path) == {"naive": 1, "frozen": 1, "lora": 1}
    assert cli(*command, "--retry", "diverged")[1] == "1 diverged, 1 failed, 1 finished\n"
    assert times_run(tmp_path) == {"naive": 1, "frozen": 1, "lora": 2}
    assert cli(*command, "--retry", "failed")[1] == "1 diverged, 2 finished\n"
    assert times_run(tmp_path) == {"naive": 1, "frozen": 2, "lora": 2}
    both = cli(*command, "--retry", "failed", "--retry", "diverged")
    assert both[1] == "1 diverged, 2 finished\n"
    assert times_run(tmp_path) == {"naive": 1, "frozen": 2, "lora": 3}


def markdown(out: Path) -> str:
    (path,) = (out / "tables").glob("*til.md")
    return path.read_text()
