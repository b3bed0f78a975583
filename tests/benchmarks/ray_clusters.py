"""A Ray cluster of several nodes on this machine, on loopback, for tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import psutil
import pytest

WITHOUT_RAY = pytest.mark.skipif(
    find_spec("ray") is None, reason='the extra is not installed: pip install -e ".[ray]"'
)

ADDRESS = "127.0.0.1"
MEMORY = 80 * 2**20


class Nodes:
    """A head with one CPU and one pretended GPU; `add` brings further nodes of one CPU."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "num_gpus": 1, "include_dashboard": False}
        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={**head, "node_ip_address": ADDRESS, "object_store_memory": MEMORY},
        )
        self.head = self._cluster.head_node
        self.address = str(self._cluster.address)

    def add(self) -> Any:
        return self._cluster.add_node(
            num_cpus=1, node_ip_address=ADDRESS, object_store_memory=MEMORY
        )

    def kill(self, node: Any) -> None:
        """SIGKILL for the processes of a node, as a machine that loses power."""
        self._cluster.remove_node(node, allow_graceful=False)

    def stop(self) -> None:
        self._cluster.shutdown()


def raylet(node: Any) -> int:
    """The process that all workers of a node are children of."""
    return int(node.all_processes["raylet"][0].process.pid)


def is_on(pid: int, node: Any) -> bool:
    """Whether a process is a worker of the node."""
    try:
        return raylet(node) in [parent.pid for parent in psutil.Process(pid).parents()]
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def short_folder() -> Iterator[str]:
    """A temporary folder below which the names of Ray's sockets are not too long."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def nodes() -> Iterator[Nodes]:
    with short_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        # Before Ray is imported; without it Ray would be on all addresses of this machine.
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Nodes()
        try:
            yield made
        finally:
            made.stop()


def with_variable(name: str, value: str) -> list[psutil.Process]:
    """All living processes that have the variable in their environment, zombies left out."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(name) == value and process.status() != "zombie":
                found.append(process)
    return found


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}


@dataclass
class Aside:
    """An action in another thread, whose failure fails the test."""

    action: Callable[[], None]
    failure: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._act)
        self._thread.start()

    def _act(self) -> None:
        try:
            self.action()
        except BaseException as error:
            self.failure.append(error)

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        if self.failure:
            raise self.failure[0]
