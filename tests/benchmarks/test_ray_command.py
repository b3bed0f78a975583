"""The real command on Ray: where it listens, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray_clusters import WITHOUT_RAY, clean_environment, nodes, short_folder, with_variable
from small_runs import SMALL
from test_executors import wait_for

pytestmark = [pytest.mark.ray, WITHOUT_RAY]

MARK = "NESS_TEST_RAY"
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


class Sweep:
    """``python -m benchmarks sweep --executor ray`` with an endless run, in a session of its own.

    Its processes, workers on this machine too, carry a variable by which they are found.
    """

    def __init__(self, out: Path, *options: str, environment: dict[str, str]) -> None:
        self.out, self.log, self.mark = out, out.with_name("stderr"), uuid.uuid4().hex
        command = [sys.executable, "-m", "benchmarks", "sweep", str(SMALL), "--out", str(out)]
        for value in ("protocol.epochs=1000000", "protocol.lr_min=0", 'strategies=["naive"]'):
            command += ["--set", value]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--executor", "ray", *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                env={**environment, MARK: self.mark},
            )

    def family(self) -> list[psutil.Process]:
        return with_variable(MARK, self.mark)

    def worker(self) -> psutil.Process:
        """The process that trains, once it does."""
        wait_for(lambda: list(self.out.glob("work/*/trace.csv")) or self.ended(), 120)
        return psutil.Process(self.last_event()["pid"])

    def last_event(self) -> dict[str, Any]:
        (path,) = self.out.glob("work/*/events.jsonl")
        event: dict[str, Any] = json.loads(path.read_text().splitlines()[-1])
        return event

    def ended(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return False

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.family():
            process.kill()
        self.process.wait(10)


@pytest.fixture(params=["its own cluster", "a cluster that was there"])
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Sweep, Any]]:
    if request.param == "its own cluster":
        with (
            short_folder() as folder,  # a killed sweep leaves its cluster's logs there
            Sweep(tmp_path / "out", environment={**clean_environment(), "TMPDIR": folder}) as sweep,
        ):
            yield sweep, None
        return
    with nodes() as cluster:
        switch = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
        option = ["--option", f"address={cluster.address}"]
        environment = {**clean_environment(), **switch}
        with Sweep(tmp_path / "out", *option, environment=environment) as sweep:
            yield sweep, cluster


def test_ctrl_c_ends_everything_but_a_cluster_of_others(started: tuple[Sweep, Any]) -> None:
    sweep, cluster = started
    worker = sweep.worker()
    if cluster is None:
        listening(sweep)
    os.killpg(sweep.process.pid, signal.SIGINT)  # as a terminal does
    sweep.process.wait(60)
    wait_for(lambda: not sweep.family() and not worker.is_running(), 30)
    printed = sweep.log.read_text()
    assert sweep.process.returncode == 130, printed
    assert printed.endswith("stopped; the same command goes on from the last finished task\n")
    assert "Traceback" not in printed
    assert "raylet" not in printed
    assert not list(sweep.out.glob("runs/**/*.json"))
    assert sweep.last_event()["status"] == "interrupted"
    assert cluster is None or cluster.head.remaining_processes_alive()


def listening(sweep: Sweep) -> None:
    """Every socket of the cluster is on loopback."""
    sockets = [
        (connection.laddr.ip, process.name())
        for process in sweep.family()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or connection.type.name == "SOCK_DGRAM"
    ]
    assert len(sockets) >= 4, "of GCS, raylet, driver, worker"
    assert {ip for ip, _ in sockets} <= LOOPBACK, sockets


def test_no_worker_outlives_a_killed_sweep(started: tuple[Sweep, Any]) -> None:
    sweep, cluster = started
    worker = sweep.worker()
    sweep.process.kill()
    wait_for(lambda: not worker.is_running(), 30)
    wait_for(lambda: not [one for one in sweep.family() if one.pid != sweep.process.pid], 30)
    assert cluster is None or cluster.head.remaining_processes_alive()
    assert not list(sweep.out.glob("runs/**/*.json")), "no failed record of a run that can go on"
