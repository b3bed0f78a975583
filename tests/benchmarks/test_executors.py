"""Workers: one process a run, killed and restarted at will; nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from small_runs import SMALL, run_spec, run_specs
from test_run import numbers, starts

from benchmarks import executors
from benchmarks.claim_files import ClaimFiles
from benchmarks.errors import BadInput
from benchmarks.executors import Job, WorkerDied, processes
from benchmarks.executors.gpu_slots import GpuSlots, visible_gpus
from benchmarks.executors.inline import Inline
from benchmarks.executors.processes import Processes
from benchmarks.records import RunRecord, read_all
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir

# Long enough to be caught in the act, short enough to be finished afterwards.
LONG = ("protocol.epochs=60", "protocol.lr_min=0")


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def records(out: Path) -> dict[str, RunRecord]:
    return {record.id: record for record in read_all(out) if isinstance(record, RunRecord)}


def owner(out: Path, spec: RunSpec) -> int:
    files = ClaimFiles(WorkDir(out, spec.id).claim)
    return int(json.loads(files.at(files.newest()).read_text())["pid"])


def test_workers_give_the_matrices_of_one_process(tmp_path: Path) -> None:
    specs = run_specs(["naive", "ness", "lora"], [1, 2])
    counts = sweep(specs, tmp_path / "workers", workers=2)
    assert counts == {"finished": 6}
    assert sweep(specs, tmp_path / "inline") == {"finished": 6}
    ours, theirs = records(tmp_path / "workers"), records(tmp_path / "inline")
    assert {i: numbers(r) for i, r in ours.items()} == {i: numbers(r) for i, r in theirs.items()}
    assert len(ours) == 6
    workers = {
        json.loads(WorkDir(tmp_path / "workers", spec.id).events.read_text().splitlines()[0])["pid"]
        for spec in specs
    }
    assert len(workers) == 6, "one process a run"
    assert os.getpid() not in workers


def test_a_killed_worker_fails_its_own_run_alone_and_the_next_sweep_resumes_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    victim, other = run_specs(["ness", "naive"], [1], *LONG)
    work = WorkDir(tmp_path, victim.id)

    def kill() -> None:
        wait_for(work.checkpoint.exists)
        os.kill(owner(tmp_path, victim), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    counts = sweep([victim, other], tmp_path, workers=2)
    killer.join()
    assert counts == {"interrupted": 1, "finished": 1}
    assert set(records(tmp_path)) == {other.id}
    assert "its process was killed by signal 9 (SIGKILL)" in capfd.readouterr().err

    assert sweep([victim, other], tmp_path, workers=2) == {"finished": 2}
    assert (starts(tmp_path, victim), starts(tmp_path, other)) == (2, 1)
    assert "going on after task" in work.log.read_text()
    assert numbers(records(tmp_path)[victim.id]) == numbers(run(victim, tmp_path / "alone"))


def test_stop_ends_running_and_waiting_work(tmp_path: Path) -> None:
    specs = run_specs(["naive"], [1, 2, 3], "protocol.epochs=100000", "protocol.lr_min=0")
    executor = Processes(workers=2)
    futures = [executor.submit(Job(spec, tmp_path, None), lambda *_: None) for spec in specs]
    running = wait_for(
        lambda: [s for s in specs if WorkDir(tmp_path, s.id).trace.exists()][1:] and specs[:2]
    )
    pids = [owner(tmp_path, spec) for spec in running]
    executor.stop()
    assert [future.done() for future in futures] == [True] * 3
    assert not any(psutil.pid_exists(pid) for pid in pids)
    for future in futures[:2]:
        with pytest.raises(WorkerDied):
            future.result()
    released = [file.stat().st_size == 0 for file in tmp_path.glob("work/*/claim.*")]
    assert released == [True] * 2
    assert not WorkDir(tmp_path, specs[2].id).folder.exists()


def test_an_error_in_a_worker_reaches_the_sweep(tmp_path: Path) -> None:
    spec = run_spec().model_copy(update={"stream": "no_such/til"})
    executor = Processes(workers=1)
    with pytest.raises(KeyError, match="no_such/til"):
        executor.submit(Job(spec, tmp_path, None), lambda *_: None).result(timeout=120)
    executor.stop()


def test_a_worker_whose_parent_is_gone_writes_no_failed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipe breaks before the process is noticed to be gone: the run can still go on later."""

    class Broken:
        def send(self, _: object) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(processes, "_exit_with_parent", lambda: None)
    with pytest.raises(SystemExit):
        processes.work(Job(run_spec(), tmp_path, None), Broken(), None)  # type: ignore[arg-type]
    assert not records(tmp_path)


def test_make_chooses_by_number_of_workers() -> None:
    assert isinstance(executors.make(), Inline)
    assert isinstance(executors.make(workers=1), Inline)
    assert isinstance(executors.make(workers=2), Processes)
    assert isinstance(executors.make("processes", options={"runs_per_gpu": 2}), Processes)


@pytest.mark.parametrize(
    ("kind", "workers", "options", "message"),
    [
        (None, 0, {}, "--workers 0: give at least 1"),
        ("inline", 2, {}, "leave out --workers 2"),
        ("proceses", 2, {}, "--executor proceses: did you mean 'processes'?"),
        ("processes", 2, {"run_per_gpu": 1}, "option.run_per_gpu; did you mean 'runs_per_gpu'?"),
        ("processes", 2, {"runs_per_gpu": "two"}, "option.runs_per_gpu = 'two'"),
        ("processes", 2, {"runs_per_gpu": 0}, "runs_per_gpu=0: give at least 1"),
    ],
)
def test_make_names_what_cannot_be(
    kind: str | None, workers: int, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        executors.make(kind, workers=workers, options=options)
    assert message in str(caught.value)


def test_every_gpu_has_a_run_before_one_has_two() -> None:
    slots = GpuSlots(["0", "GPU-5"], runs_per_gpu=2)
    with ExitStack() as held:
        assert [held.enter_context(slots.one()) for _ in range(4)] == ["0", "GPU-5"] * 2
        waits = threading.Thread(target=lambda: held.enter_context(slots.one()), daemon=True)
        waits.start()
        waits.join(0.1)
        assert waits.is_alive(), "no fifth slot"
        first, held_back = held.pop_all(), held
        first.close()
        waits.join(10)
        assert not waits.is_alive()
        held_back.close()
    slots = GpuSlots(["0", "1"], runs_per_gpu=2)
    first, second, third = slots.one(), slots.one(), slots.one()
    assert [slot.__enter__() for slot in (first, second, third)] == ["0", "1", "0"]
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    with slots.one() as gpu:
        assert gpu == "1", "the one that idles"
    third.__exit__(None, None, None)


def test_visible_gpus_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-5")
    assert visible_gpus() == ["2", "GPU-5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,-1,1")
    assert visible_gpus() == ["0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert visible_gpus() == ["0", "1"]


def test_a_run_on_a_gpu_sees_its_own_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU here the runs fail; what each was given stands in its log."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8")
    specs = [s.model_copy(update={"device": "cuda"}) for s in run_specs(["naive"], [1, 2, 3])]
    executor = Processes(workers=3)
    futures = [executor.submit(Job(spec, tmp_path, None), lambda *_: None) for spec in specs]
    wait([*futures], timeout=120)
    executor.stop()
    given = []
    for spec in specs:
        start = json.loads(WorkDir(tmp_path, spec.id).events.read_text().splitlines()[0])
        given.append(start["gpus"])
    assert set(given) == {"7", "8"}


# The real command ------------------------------------------------------------------------


class Command:
    """``python -m benchmarks sweep`` in a session of its own, with endless runs."""

    def __init__(self, out: Path, workers: int, *arguments: str, endless: bool = True) -> None:
        self.out, self.log, self.workers = out, out.with_name("stderr"), workers
        for_ever = ["--set", "protocol.epochs=1000000", "--set", "protocol.lr_min=0"]
        arguments += tuple(for_ever if endless else ())
        command = [sys.executable, "-m", "benchmarks", "sweep", str(SMALL), "--out", str(out)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *arguments, "--workers", str(workers)],
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Ignored, and so inherited, where the tests themselves run in the background.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def family(self) -> list[psutil.Process]:
        """Every process of the session, helpers of multiprocessing included."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.process.pid and process.status() != "zombie":
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def running(self) -> bool:
        """Whether every worker is in the middle of training."""
        return len(list(self.out.glob("work/*/trace.csv"))) >= self.workers

    def interrupt(self) -> None:
        """Ctrl-C on a terminal: SIGINT for the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> str:
        """Wait for the end of the command and all its processes; what it printed."""
        self.process.wait(60)
        wait_for(lambda: not self.family(), 20)
        return self.log.read_text()

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.family():
            process.kill()
        self.process.wait(10)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_everything_at_once_without_a_traceback(tmp_path: Path, workers: int) -> None:
    with Command(tmp_path / "out", workers) as command:
        wait_for(command.running)
        command.interrupt()
        printed = command.end()
    assert command.process.returncode == 130
    assert "Traceback" not in printed
    assert "stopped; the same command goes on from the last finished task" in printed
    assert not any(file.stat().st_size for file in command.out.glob("work/*/claim.*")), "released"
    assert not list(command.out.glob("runs/**/*.json"))
    for events in command.out.glob("work/*/events.jsonl"):
        assert json.loads(events.read_text().splitlines()[-1])["status"] == "interrupted"


def test_ctrl_c_while_workers_still_import_leaves_no_traceback_either(tmp_path: Path) -> None:
    with Command(tmp_path / "out", workers=2) as command:
        wait_for(
            lambda: any("forkserver" in " ".join(child.cmdline()) for child in command.family())
        )
        time.sleep(0.5)
        command.interrupt()
        printed = command.end()
    assert command.process.returncode == 130
    assert "Traceback" not in printed


def test_a_killed_parent_leaves_no_worker_behind(tmp_path: Path) -> None:
    with Command(tmp_path / "out", workers=2) as command:
        wait_for(command.running)
        command.process.kill()
        printed = command.end()
    assert "Traceback" not in printed
    assert not list(command.out.glob("runs/**/*.json")), "no failed record of a run that can go on"
