"""A Ray cluster of one's own on loopback, or a place in one that is there already."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading

from benchmarks.errors import BadInput, one_line
from benchmarks.executors.shared import ROOT

OBJECT_STORE_BYTES = 80 * 2**20
"""Specs and statuses are all that travels; Ray's least is 75 MB, its default 30% of memory."""

ANSWER_S = 10.0
"""Seconds for the first machine of a cluster to answer."""

LONGEST_FOLDER = 40
"""Characters of a folder below which the names of Ray's sockets still fit into the 107 of Unix."""

SHIPPED = (
    "CUBLAS_WORKSPACE_CONFIG",
    "MKL_NUM_THREADS",
    "NESS_OFFLINE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONWARNINGS",
)
"""Variables that runs have as this process has them."""

LOOPBACK = "127.0.0.1"


class Session:
    """A connection of this process to Ray; `close` ends it, and the cluster if it is our own.

    ``address``: as for ``ray.init``; empty starts a cluster on this machine, open to this machine
    alone. Raises `BadInput` where there is no cluster at ``address``, or none can be started.
    """

    def __init__(self, address: str) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        self._folder: str | None = None
        if not address:
            # All but the first are read by Ray when it is imported. Told to be 127.0.0.1, Ray looks
            # up the address of the network in its place and listens on all; without clusters of
            # several machines, a switch made for Windows and macOS, it stays on loopback.
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
            short = len(tempfile.gettempdir()) + len("/ness-ray-12345678") < LONGEST_FOLDER
            self._folder = tempfile.mkdtemp(prefix="ness-ray-", dir=None if short else "/tmp")
        try:
            self._connect(address)
        except BaseException:
            self.close()
            raise

    def _connect(self, address: str) -> None:
        import ray

        if address.startswith("ray://"):
            raise BadInput(
                f"--option address={address}: Ray Client is not used here; start the sweep on a "
                f"machine of the cluster, with address=auto"
            )
        if ray.is_initialized():
            raise BadInput("this process uses Ray already; call ray.shutdown() first")
        if address:
            _require_answer(address)
        own = {
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
            "_temp_dir": self._folder,
        }
        on_term = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                **({"address": address} if address else own),
                runtime_env={"env_vars": environment()},
                log_to_driver=False,
                logging_level="error",
            )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            what = f"--option address={address}" if address else "Ray cannot start here"
            way = (
                "`ray status` on its first machine tells whether the cluster is up"
                if address
                else "take --executor processes on one machine"
            )
            raise BadInput(f"{what}: {one_line(error)[:300]}; {way}") from error
        if threading.current_thread() is threading.main_thread():
            # Ray's own handler ends the nodes first, for which it takes half a minute.
            signal.signal(signal.SIGTERM, on_term)
        # Ray tells of lost nodes on the terminal even so, with the ends of its logs.
        ray._private.worker._worker_logs_enabled = False
        if not address and [node["NodeManagerAddress"] for node in ray.nodes()] != [LOOPBACK]:
            raise BadInput(
                "Ray was imported before it could be told to stay on loopback; "
                "export RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 before you start Python"
            )

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        import ray

        ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _require_answer(address: str) -> None:
    """Raise `BadInput` where nothing listens: Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"--option address={address}: no answer ({error}); `ray status` on the cluster's first "
            f"machine tells whether it is up"
        ) from error


def environment() -> dict[str, str]:
    """The variables that runs have on every node."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    shipped = {name: os.environ[name] for name in SHIPPED if name in os.environ}
    # Ray would give each run as many threads as it has CPUs.
    return {"OMP_NUM_THREADS": "1", **shipped, "PYTHONPATH": os.pathsep.join(paths)}
