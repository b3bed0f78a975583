"""What a node does with a task of an array; no SLURM is needed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from small_runs import run_spec

from benchmarks.executors import Job
from benchmarks.executors.slurm import task
from benchmarks.executors.slurm.files import ArrayFolder
from benchmarks.workdir import WorkDir

Fake = Callable[..., Path]


def test_a_task_file_gives_back_what_it_was_made_of(tmp_path: Path) -> None:
    spec = run_spec("ness")
    folder = ArrayFolder.make(tmp_path)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    job = Job(spec, tmp_path, tmp_path / "data", frozenset({"failed"}), ("tensorboard",))
    folder.write_task(4, job, {"NESS_OFFLINE": "1"}, requeue=True)
    read = folder.read_task(4)
    assert (read.job(), read.spec.id) == (job, spec.id)
    path = folder.path / "4.json"
    path.write_text(path.read_text().replace('"requeue":true', '"requeue":"yes"'))
    with pytest.raises(ValueError, match="requeue"):
        folder.read_task(4)


def at_epoch(out: Path, task_number: int) -> None:
    """A work folder as a run leaves it that has trained an epoch of a task."""
    work = WorkDir(out, run_spec().id)
    work.folder.mkdir(parents=True, exist_ok=True)
    work.events.write_text(json.dumps({"event": "train", "tasks": 3}) + "\n")
    work.trace.write_text(f"task,epoch\n{task_number},0\n")


def test_a_run_is_requeued_as_long_as_it_comes_further(
    tmp_path: Path, fake_slurm: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    fake_slurm(scontrol=f"echo \"$@\" >> '{asked}'")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    folder = ArrayFolder.make(tmp_path)
    folder.write_task(2, Job(run_spec(), tmp_path, None), {}, requeue=True)
    given = folder.read_task(2)
    ended = 128 + signal.SIGUSR2
    for reached, times in ((0, 1), (1, 2), (2, 3), (2, 3)):
        assert not folder.answers()
        at_epoch(tmp_path, reached)
        assert task._leave_at_time_limit(folder, 2, given, local=False) == ended
        assert asked.read_text().splitlines() == ["requeue 7_2"] * times
    answer = folder.answers()[2]
    assert answer.kind == "interrupted"
    assert "no task of its stream was learnt between two time limits (task 3)" in answer.text
    assert "timeout_min" in answer.text


def test_a_run_that_cannot_be_requeued_says_so(
    tmp_path: Path, fake_slurm: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_slurm(scontrol="echo 'Requested operation is presently disabled' >&2; exit 1")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setattr(task, "PAUSE_S", 0.0)
    folder = ArrayFolder.make(tmp_path)
    for number, requeue, said in ((0, True, "presently disabled"), (1, False, "limit is near")):
        folder.write_task(number, Job(run_spec(), tmp_path, None), {}, requeue=requeue)
        task._leave_at_time_limit(folder, number, folder.read_task(number), local=False)
        assert said in folder.answers()[number].text


def test_a_damaged_answer_is_an_interrupted_run(tmp_path: Path) -> None:
    folder = ArrayFolder.make(tmp_path)
    (folder.path / "0.answer.json").write_text('{"kind": "status", "text": 1}')
    (folder.path / ".1.answer.json.99.partial").write_text("{")
    answers = folder.answers()
    assert answers.keys() == {0}
    assert answers[0].kind == "interrupted"
    assert "0.answer.json" in answers[0].text
