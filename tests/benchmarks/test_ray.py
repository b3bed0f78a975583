"""Runs on a Ray cluster: its machines come and go, and no run is lost, doubled or changed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ray_clusters import WITHOUT_RAY, Aside, Nodes, is_on, nodes
from small_runs import run_spec, run_specs
from test_executors import records, wait_for
from test_run import numbers

from benchmarks import executors
from benchmarks.claims import Claimed, claim, is_held
from benchmarks.errors import BadInput
from benchmarks.executors import Job, WorkerDied, ray_cluster
from benchmarks.position import events
from benchmarks.spec import RunSpec
from benchmarks.sweep import sweep
from benchmarks.workdir import WorkDir

pytestmark = [pytest.mark.ray, WITHOUT_RAY]

# Seconds of training: a run can be caught in the act, and is finished soon after.
LONG = ("protocol.epochs=60", "protocol.lr_min=0")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with nodes() as made:
        yield made


def on(cluster: Nodes, workers: int | None = None, **options: Any) -> executors.Executor:
    return executors.make("ray", workers=workers, options={"address": cluster.address, **options})


def last_pid(work: WorkDir) -> int:
    return int(events(work)[-1]["pid"])


@contextmanager
def running(executor: executors.Executor, out: Path, specs: list[RunSpec]) -> Iterator[list[Any]]:
    """Futures of submitted runs; the executor is stopped at the end."""
    try:
        out.mkdir(exist_ok=True)
        yield [executor.submit(Job(spec, out, None), lambda *_: None) for spec in specs]
    finally:
        executor.stop()


def test_a_lost_node_loses_and_doubles_no_run(
    cluster: Nodes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    specs = run_specs(["naive", "ness"], [1, 2], *LONG)
    doomed = cluster.add()
    at_loss: dict[str, Any] = {}

    def training_there() -> RunSpec | None:
        for spec in specs:
            work = WorkDir(out, spec.id)
            if work.checkpoint.exists() and is_on(last_pid(work), doomed):
                return spec
        return None

    def lose() -> None:
        wait_for(lambda: records(out), 120)
        at_loss["spec"] = victim = wait_for(training_there, 120)
        at_loss["finished"] = set(records(out))
        cluster.kill(doomed)
        assert victim.id not in at_loss["finished"]

    with Aside(lose):
        counts = sweep(specs, out, executor=on(cluster))
    assert counts == {"finished": 4}
    victim = at_loss["spec"]
    assert at_loss["finished"], "some runs were over before"
    for spec in specs:
        happened = [
            (event["event"], event.get("status"))
            for event in events(WorkDir(out, spec.id))
            if event["event"] in ("start", "end")
        ]
        whole = [("start", None), ("end", "finished")]
        assert happened == ([("start", None), *whole] if spec == victim else whole)
    assert "going on after task" in WorkDir(out, victim.id).log.read_text()
    pids = [event["pid"] for spec in specs for event in events(WorkDir(out, spec.id))]
    assert len(set(pids)) == 5, "one process an attempt"
    assert not list(out.glob("work/.probe*"))
    assert "raylet" not in capfd.readouterr().err

    sweep(specs, tmp_path / "inline")
    ours, theirs = records(out), records(tmp_path / "inline")
    assert {i: numbers(r) for i, r in ours.items()} == {i: numbers(r) for i, r in theirs.items()}


def test_a_worker_killed_alone_interrupts_its_run_and_the_next_sweep_resumes_it(
    cluster: Nodes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = run_spec("naive", *LONG)
    work = WorkDir(tmp_path, spec.id)

    def kill() -> None:
        wait_for(work.checkpoint.exists, 120)
        pid = last_pid(work)
        assert is_on(pid, cluster.head)
        os.kill(pid, signal.SIGKILL)

    with Aside(kill):
        assert sweep([spec], tmp_path, executor=on(cluster)) == {"interrupted": 1}
    assert "its process was killed; start the same command again" in capfd.readouterr().err
    assert not records(tmp_path)
    assert sweep([spec], tmp_path, executor=on(cluster)) == {"finished": 1}
    assert "going on after task" in work.log.read_text()


def test_errors_come_back_as_themselves(
    cluster: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that joins later and does not see the results is refused by the run itself."""
    held, unknown = run_spec(), run_spec().model_copy(update={"stream": "no_such/til"})
    with (
        claim(WorkDir(tmp_path, held.id).claim),
        running(on(cluster), tmp_path, [held, unknown]) as futures,
    ):
        with pytest.raises(Claimed, match=f"held by process {os.getpid()}"):
            futures[0].result(timeout=120)
        with pytest.raises(KeyError, match="no_such/til"):
            futures[1].result(timeout=120)
    monkeypatch.setattr(ray_cluster, "check_shared", lambda shared: shared.probe.write_text("-"))
    with (
        running(on(cluster), tmp_path, [held]) as futures,
        pytest.raises(BadInput, match="does not see the results"),
    ):
        futures[0].result(timeout=120)
    assert not list(tmp_path.glob("work/.probe*"))


def test_a_results_folder_that_a_node_does_not_see_is_named(
    cluster: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay = ray_cluster.lay

    def elsewhere(*folders: Path) -> Any:
        """Another machine's folder of the same name: it has not the content that was written."""
        shared = lay(*folders)
        shared.probe.write_text("another")
        return shared

    monkeypatch.setattr(ray_cluster, "lay", elsewhere)
    with pytest.raises(BadInput) as caught:
        sweep([run_spec()], tmp_path, executor=on(cluster))
    assert str(caught.value).startswith("node ")
    assert f"(127.0.0.1) does not see the results in {tmp_path}: give an --out" in str(caught.value)
    assert not list(tmp_path.glob("work/*"))


def test_two_runs_share_a_gpu_of_which_each_takes_a_half(cluster: Nodes, tmp_path: Path) -> None:
    """The GPU is pretended, so the runs fail; what each was given stands in its events."""
    specs = [s.model_copy(update={"device": "cuda"}) for s in run_specs(["naive"], [1, 2])]
    with running(on(cluster, gpu_share=0.5, cpus=0.5), tmp_path, specs) as futures:
        assert not wait(futures, timeout=120).not_done
    for spec in specs:
        start, *_ = events(WorkDir(tmp_path, spec.id))
        assert (start["event"], start["gpus"]) == ("start", "0")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpus": 3.0}, r"a run takes 3 CPUs, and no node of the Ray cluster has as much \(1 CPUs"),
        ({"memory_gb": 1e6}, "a run takes 1 CPUs, 1e[+]15 bytes of memory, and no node"),
    ],
)
def test_what_no_node_has_room_for_is_refused(
    cluster: Nodes, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        sweep([run_spec()], tmp_path, executor=on(cluster, **options))


def test_stop_ends_running_and_waiting_work_and_leaves_the_cluster(
    cluster: Nodes, tmp_path: Path
) -> None:
    endless = ("protocol.epochs=100000", "protocol.lr_min=0")
    specs = run_specs(["naive"], [1, 2], *endless)
    with running(on(cluster, workers=1), tmp_path, specs) as futures:
        wait_for(WorkDir(tmp_path, specs[0].id).trace.exists, 120)
        pid = last_pid(WorkDir(tmp_path, specs[0].id))
    assert all(future.done() for future in futures)
    with pytest.raises(WorkerDied, match="the sweep was stopped"):
        futures[0].result()
    assert futures[1].cancelled()
    assert not is_held(WorkDir(tmp_path, specs[0].id).claim)
    assert events(WorkDir(tmp_path, specs[0].id))[-1]["status"] == "interrupted"
    assert not WorkDir(tmp_path, specs[1].id).folder.exists()
    wait_for(lambda: not is_on(pid, cluster.head))
    assert cluster.head.remaining_processes_alive()
