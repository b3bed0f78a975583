"""What SLURM and the nodes answer, and what becomes of it; no SLURM is needed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from small_runs import run_spec

from benchmarks.errors import BadInput
from benchmarks.executors import Job, WorkerDied
from benchmarks.executors.slurm import cluster, task
from benchmarks.executors.slurm.cluster import Slurm
from benchmarks.executors.slurm.files import Answer, ArrayFolder
from benchmarks.executors.slurm.watch import Sent, Watch

Fake = Callable[..., Path]


def slurm() -> Slurm:
    return Slurm({}, {}, 1.0)


def test_the_queue_is_read_and_a_controller_that_is_away_is_waited_for(
    fake_slurm: Fake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_slurm(
        scontrol="echo 'MaxArraySize            = 17'",
        squeue="echo '7|0'; echo '7|12'; echo '8|N/A'",
    )
    made = slurm()
    assert made.max_array == 17
    assert made.alive(["7"]) == {("7", 0), ("7", 12)}
    fake_slurm(squeue="echo slurm_load_jobs error: Invalid job id specified >&2; exit 1")
    assert made.alive(["7"]) == set()
    fake_slurm(squeue="echo 'Unable to contact slurm controller' >&2; exit 1")
    monkeypatch.setattr(cluster, "QUIET_S", -1.0)
    assert [made.alive(["7"]) for _ in range(4)] == [None] * 4
    assert capsys.readouterr().err.count("does not answer, waiting for it: Unable to") == 1


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ("JobState=OUT_OF_MEMORY Reason=OutOfMemory a=b ExitCode=0:125", "OUT_OF_MEMORY, OutOf"),
        ("JobState=TIMEOUT Reason=TimeLimit Requeue=1 ExitCode=0:15", "TIMEOUT, TimeLimit"),
        ("JobState=NODE_FAIL Reason=NodeDown Requeue=1 ExitCode=0:0", "NODE_FAIL, NodeDown"),
        (
            "JobState=FAILED Reason=None Requeue=1 ExitCode=0:9",
            "FAILED, exit status and signal 0:9",
        ),
        ("nonsense", "SLURM remembers nothing of it"),
    ],
)
def test_why_a_task_is_gone(fake_slurm: Fake, shown: str, reason: str) -> None:
    fake_slurm(scontrol=f"echo 'JobId=8 {shown} DerivedExitCode=0:0'")
    assert slurm().reason(("7", 1)).startswith(reason)


class Stub:
    """A cluster that says what a test wants."""

    max_array = 10
    pause_s = 0.01

    def __init__(self) -> None:
        self.there: set[tuple[str, int]] | None = {("7", 0)}

    def alive(self, _: object) -> set[tuple[str, int]] | None:
        return self.there

    def reason(self, _: object) -> str:
        return "FAILED, NonZeroExitCode"


@pytest.mark.parametrize("logged", [None, "", "sh: python: not found\n"])
def test_a_task_that_left_without_an_answer_is_named_with_the_reason(
    tmp_path: Path, logged: str | None
) -> None:
    folder = ArrayFolder.make(tmp_path)
    job = Job(run_spec(), tmp_path, None)
    stub = Stub()
    watch = Watch(stub, 0.2)  # type: ignore[arg-type]
    future: Any = Future()
    try:
        watch.add(Sent("7", folder, {0: (job, future)}))
        stub.there = None
        with pytest.raises(TimeoutError):
            future.result(0.4)
        if logged is not None:
            folder.log(0).write_text(logged)
        stub.there = set()
        with pytest.raises(WorkerDied) as died:
            future.result(30)
    finally:
        watch.stop()
    assert str(died.value).startswith("task 7_0: FAILED, NonZeroExitCode; ")
    assert ("is --out on a file system that the nodes have" in str(died.value)) == (logged is None)
    assert ("sh: python: not found" in str(died.value)) == bool(logged)


def test_a_late_answer_counts(tmp_path: Path) -> None:
    """Network file systems show a file seconds after it was written elsewhere."""
    folder = ArrayFolder.make(tmp_path)
    stub = Stub()
    stub.there = set()
    watch = Watch(stub, 60.0)  # type: ignore[arg-type]
    future: Any = Future()
    try:
        watch.add(Sent("7", folder, {0: (Job(run_spec(), tmp_path, None), future)}))
        with pytest.raises(TimeoutError):
            future.result(0.2)
        folder.answer(0, Answer(kind="status", text="finished"))
        assert future.result(30) == "finished"
    finally:
        watch.stop()


def test_an_error_on_a_node_ends_the_sweep_and_names_the_log(tmp_path: Path) -> None:
    """Found by a real task, in this process: its stream does not exist."""
    folder = ArrayFolder.make(tmp_path)
    job = Job(run_spec().model_copy(update={"stream": "no_such/til"}), tmp_path, None)
    folder.answer(0, task._execute(job))
    watch = Watch(Stub(), 60.0)  # type: ignore[arg-type]
    future: Any = Future()
    try:
        watch.add(Sent("7", folder, {0: (job, future)}))
        with pytest.raises(BadInput, match=r"task 7_0: KeyError: 'no_such.*its log is .*0\.log"):
            future.result(30)
    finally:
        watch.stop()
