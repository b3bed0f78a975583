"""One process at a time works on a run: a claim file that survives, and outlives, its owner.

The file is made whole under another name and hard-linked into place, which is atomic on
local and network file systems alike. A claim is stale when its process is gone: on this
host at once, by pid and start time, so that a reused pid does not keep it alive; of another
host, whose processes cannot be seen from here, when its owner has not touched the file for
`MISSED` heartbeats. Stale claims are removed under a lock: between a look at the claim and its
removal another process could have renewed it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

BEAT_S = 30.0
"""Seconds between two heartbeats of a claim: the owner touches its file."""
MISSED = 10
"""Heartbeats without which the owner on another host counts as gone."""


class Claimed(Exception):
    """Another living process works on the run."""


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Hold the claim file ``path``; raises `Claimed` while another process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
    mine.write_text(json.dumps(_identity()))
    try:
        _take(mine, path)
    finally:
        mine.unlink(missing_ok=True)
    released = threading.Event()
    heart = threading.Thread(
        target=_beat, args=(path, released), name=f"heartbeat of {path}", daemon=True
    )
    heart.start()
    try:
        yield
    finally:
        released.set()
        if _read(path) == _identity():
            path.unlink(missing_ok=True)


def _beat(path: Path, released: threading.Event) -> None:
    while not released.wait(BEAT_S):
        with suppress(OSError):  # a share that is away for a while must not end the run
            os.utime(path)


def is_held(path: Path) -> bool:
    """Whether a process that may still live holds the claim."""
    owner = _read(path)
    if owner is None:
        return False
    if owner.get("host", socket.gethostname()) != socket.gethostname():
        return _age(path) < MISSED * BEAT_S
    return _alive(owner)


def _age(path: Path) -> float:
    """Seconds since the last heartbeat, by the clock of the file system where it can be asked.

    Clocks of two hosts may differ by more than a claim's life.
    """
    probe = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.now")
    try:
        probe.touch()
        now = probe.stat().st_mtime
        probe.unlink()
    except OSError:  # a folder that can only be read
        now = time.time()
    try:
        return now - path.stat().st_mtime
    except OSError:
        return float("inf")


def _take(mine: Path, path: Path) -> None:
    if _linked(mine, path):
        return
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_held(path):
            path.unlink(missing_ok=True)
            if _linked(mine, path):
                return
    raise Claimed(f"{path}: held by process {(_read(path) or {}).get('pid')}")


def _linked(mine: Path, path: Path) -> bool:
    try:
        os.link(mine, path)
    except FileExistsError:
        return False
    return True


def _identity() -> dict[str, Any]:
    process = psutil.Process()
    return {
        "host": socket.gethostname(),
        "pid": process.pid,
        "started": _started(process),
    }


def _read(path: Path) -> dict[str, Any] | None:
    try:
        owner = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _alive(owner: dict[str, Any]) -> bool:
    """Whether the process of this host lives."""
    try:
        return abs(_started(psutil.Process(owner["pid"])) - float(owner["started"])) < 0.1
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def _started(process: psutil.Process) -> float:
    """Seconds from boot to the start of a process: the clock of the day may be put right."""
    return round(process.create_time() - psutil.boot_time(), 2)
