"""A sweep on a real SLURM: arrays, preemption, kills, time limits, Ctrl-C, quoting.

Nothing of it is stood in for: the daemons run on loopback, and stop with the tests.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from slurm_daemons import Daemons, missing, wait_until
from small_runs import run_spec, run_specs
from test_executors import LONG, Command, owner, records
from test_preflight import tensor_file
from test_run import numbers, starts

from benchmarks import executors
from benchmarks.errors import BadInput
from benchmarks.executors import Executor
from benchmarks.position import events
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.status import status
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def daemons() -> Iterator[Daemons]:
    if why := missing():
        pytest.skip(why)
    with Daemons() as started, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(started.config))
        yield started


@pytest.fixture
def slurm(daemons: Daemons) -> Iterator[Daemons]:
    """With an empty queue, before and after: a sweep has its answers before its jobs are gone."""
    yield daemons
    wait_until(lambda: not daemons.queue(), 60)


def make(workers: int | None = None, **options: object) -> Executor:
    quick = {"poll_s": 1.0, "answer_s": 4.0}
    return executors.make("slurm", workers=workers, options={**quick, **options})


class While:
    """Does something to a sweep that this thread waits for; what goes wrong there is raised."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._act, args=(act,))

    def _act(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.thread.join()
        if self.error is not None:
            raise self.error


def task_of(out: Path, spec: RunSpec) -> str:
    """The running task of a run, as ARRAY_TASK: by the process that holds its claim."""
    found = psutil.Process(owner(out, spec)).environ()
    return f"{found['SLURM_ARRAY_JOB_ID']}_{found['SLURM_ARRAY_TASK_ID']}"


def resumed(out: Path, spec: RunSpec) -> bool:
    return "going on after task" in WorkDir(out, spec.id).log.read_text()


def test_a_sweep_is_arrays_of_what_the_cluster_allows_and_equals_one_process(
    tmp_path: Path, slurm: Daemons
) -> None:
    before = {job["JobId"] for job in slurm.jobs()}
    specs = run_specs(["naive", "ness", "lora"], [1])
    assert sweep(specs, tmp_path / "slurm", executor=make()) == {"finished": 3}
    assert sweep(specs, tmp_path / "inline") == {"finished": 3}
    ours, theirs = records(tmp_path / "slurm"), records(tmp_path / "inline")
    assert {i: numbers(r) for i, r in ours.items()} == {i: numbers(r) for i, r in theirs.items()}
    assert [starts(tmp_path / "slurm", spec) for spec in specs] == [1] * 3
    arrays = [job["ArrayJobId"] for job in slurm.jobs() if job["JobId"] not in before]
    assert sorted(arrays.count(array) for array in set(arrays)) == [1, 2], "MaxArraySize is 2"
    assert not (tmp_path / "slurm" / "slurm").exists()


def test_a_preempted_run_is_requeued_and_goes_on_from_its_checkpoint(
    tmp_path: Path, slurm: Daemons
) -> None:
    spec = run_spec("ness", *LONG)
    work = WorkDir(tmp_path, spec.id)
    found = []

    def preempt() -> None:
        wait_until(work.checkpoint.exists)
        found.append(task_of(tmp_path, spec))
        both = ["--partition=high", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 1"]
        slurm.ask("sbatch", *both)

    with While(preempt):
        assert sweep([spec], tmp_path, executor=make()) == {"finished": 1}
    (task,) = slurm.tasks(found[0].partition("_")[0])
    assert task["Restarts"] == "1"
    assert [e.get("status") for e in events(work) if e["event"] == "end"] == [
        "interrupted",
        "finished",
    ]
    assert starts(tmp_path, spec) == 2
    assert resumed(tmp_path, spec)
    assert numbers(records(tmp_path)[spec.id]) == numbers(run(spec, tmp_path / "alone"))


def test_killed_runs_are_interrupted_with_the_reason_and_resumed_by_the_next_sweep(
    tmp_path: Path, slurm: Daemons, capfd: pytest.CaptureFixture[str]
) -> None:
    cancelled, killed = run_specs(["naive", "ness"], [1], *LONG)

    def kill() -> None:
        wait_until(WorkDir(tmp_path, cancelled.id).checkpoint.exists)
        slurm.ask("scancel", task_of(tmp_path, cancelled))
        wait_until(WorkDir(tmp_path, killed.id).checkpoint.exists)
        os.kill(owner(tmp_path, killed), signal.SIGKILL)

    with While(kill):
        assert sweep([cancelled, killed], tmp_path, executor=make()) == {"interrupted": 2}
    printed = capfd.readouterr().err
    assert "naive seed 1: interrupted: task" in printed
    assert ": CANCELLED" in printed
    assert re.search(r"ness seed 1: interrupted: task \d+_1: FAILED, .*signal \d+:9;", printed), (
        printed
    )
    assert not records(tmp_path)
    last = events(WorkDir(tmp_path, cancelled.id))[-1]
    assert last["status"] == "interrupted", "SIGTERM unwinds the run, and so drops its claim"

    assert sweep([cancelled, killed], tmp_path, executor=make()) == {"finished": 2}
    assert [starts(tmp_path, spec) for spec in (cancelled, killed)] == [2, 2]
    assert resumed(tmp_path, cancelled)
    assert resumed(tmp_path, killed)


def test_at_its_time_limit_a_run_goes_back_to_the_queue(tmp_path: Path, slurm: Daemons) -> None:
    spec = run_spec("ness", *LONG)
    found = []

    def tell() -> None:
        """As SLURM does ``signal_delay_s`` before the limit, which takes minutes to come."""
        wait_until(WorkDir(tmp_path, spec.id).checkpoint.exists)
        found.append(task_of(tmp_path, spec))
        slurm.ask("scancel", "--batch", "--signal=USR2", found[0])

    with While(tell):
        assert sweep([spec], tmp_path, executor=make(timeout_min=5)) == {"finished": 1}
    (task,) = slurm.tasks(found[0].partition("_")[0])
    assert task["Restarts"] == "1"
    assert task["TimeLimit"] == "00:05:00"
    assert starts(tmp_path, spec) == 2
    assert resumed(tmp_path, spec)


def test_ctrl_c_cancels_what_runs_and_what_waits(tmp_path: Path, slurm: Daemons) -> None:
    options = ["--executor", "slurm", "--option", "poll_s=1.0"]
    with Command(tmp_path / "out", 1, *options) as command:
        wait_until(command.running)
        assert len(slurm.queue()) == 2, "one runs, the other waits: --workers 1"
        command.interrupt()
        printed = command.end()
    assert command.process.returncode == 130
    assert "Traceback" not in printed
    assert not slurm.queue()
    assert status(command.out).running == []
    assert not list(command.out.glob("runs/**/*.json"))
    assert not (command.out / "slurm").exists()


def test_jobs_of_a_killed_sweep_go_on_and_a_second_sweep_repeats_none(
    tmp_path: Path, slurm: Daemons
) -> None:
    out = tmp_path / "out"
    specs = run_specs(["naive", "ness"], [1], *LONG)
    options = ["--executor", "slurm", *(word for value in LONG for word in ("--set", value))]
    with Command(out, 1, *options, endless=False) as command:
        wait_until(command.running)
        command.process.kill()
    assert len(slurm.queue()) == 2
    assert sweep(specs, out, executor=make()) == {"finished": 2}
    wait_until(lambda: not slurm.queue())
    assert [starts(out, spec) for spec in specs] == [1, 1]


def test_no_word_of_the_user_reaches_a_shell(tmp_path: Path, slurm: Daemons) -> None:
    trap = tmp_path / "ran"
    evil = f"a %j %A'b\"$(touch {trap.name})`touch {trap.name}`;touch {trap.name}\n#SBATCH --nice=9"
    out = tmp_path / evil / "out"
    out.parent.mkdir()
    file = tmp_path / evil / "data;touch ran.npz"
    _, _, epochs = tensor_file(file, 0)
    arguments = {"file": str(file), "tasks": 2, "classes_per_task": 2, "valid_share": 0.2}
    stream = json.dumps(arguments).replace('":', '"=')
    spec = run_spec("naive", "stream=from_tensors/til", f"stream_args={stream}", epochs)
    name = f"a 'b\"$(touch {trap})`touch {trap}`;touch {trap} #c %j"
    executor = make(job_name=name, additional={"comment": name})
    before = {job["JobId"] for job in slurm.jobs()}
    assert sweep([spec], out, executor=executor) == {"finished": 1}
    text = slurm.ask("scontrol", "--oneliner", "show", "job")
    assert f"JobName={name} " in text
    assert f"Comment={name} " in text
    (task,) = [job for job in slurm.jobs() if job["JobId"] not in before]
    assert task["Nice"] == "0"
    assert not list(tmp_path.rglob("ran"))
    assert not Path("ran").exists()
    assert not Path.home().joinpath("ran").exists()


def test_sbatch_says_what_it_refuses(tmp_path: Path, slurm: Daemons) -> None:
    executor = make(partition="$(nowhere)")
    with pytest.raises(BadInput, match="invalid partition specified: \\$\\(nowhere\\)"):
        sweep([run_spec()], tmp_path, executor=executor)
    assert not slurm.queue()
    assert not (tmp_path / "slurm").exists()
