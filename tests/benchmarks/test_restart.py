"""A method whose state is not all in a checkpoint starts over, says so, and ends the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import interrupt_at, run_spec
from test_run import numbers, trace
from toy_methods import Forgetful, register

from benchmarks.run import run
from benchmarks.status import status
from benchmarks.workdir import WorkDir


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "forgetful", Forgetful)


def test_it_starts_at_task_1_and_ends_as_if_undisturbed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = run_spec("forgetful")
    alone = run(spec, tmp_path / "alone")
    assert capsys.readouterr().err == ""
    out = tmp_path / "killed"
    work = WorkDir(out, spec.id)
    with pytest.raises(KeyboardInterrupt):
        run(spec, out, notify=interrupt_at(task=2))
    assert not work.checkpoint.exists()
    assert status(out).interrupted == [spec.id]
    trained: list[int] = []
    resumed = run(spec, out, notify=lambda task, *_: trained.append(task))
    assert sorted(set(trained)) == [0, 1, 2]
    assert numbers(resumed) == numbers(alone)
    assert trace(out, spec) == trace(tmp_path / "alone", spec)
    for said in (capsys.readouterr().err, work.log.read_text()):
        assert "forgetful: seed 1 did not finish" in said
        assert "starting again from task 1" in said


def test_a_checkpoint_of_an_earlier_version_of_the_method_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = run_spec("forgetful")
    alone = run(spec, tmp_path / "alone")
    with monkeypatch.context() as patch:
        patch.setattr(Forgetful, "resumable", True)
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path, notify=interrupt_at(task=2))
        assert WorkDir(tmp_path, spec.id).checkpoint.exists()
    assert numbers(run(spec, tmp_path)) == numbers(alone)
