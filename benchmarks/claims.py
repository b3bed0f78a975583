"""One process at a time works on a run: a claim that survives, and outlives, its owner.

A claim is a row of numbered files, see `benchmarks.claim_files`; whoever made the newest holds it
until its process is gone or has released it. To take it is to make the next number, which one of
many succeeds in; nothing that another may hold is ever removed. A process of this host is gone
when its pid and start time are; one that cannot be seen from here, on another host or in another
container, when it has not touched its file for `MISSED` heartbeats. That can be an error: a host
that was cut off, or stopped, for so long and comes back. Its run then finds a newer number than its
own and ends before it writes again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.claim_files import ClaimFiles, Found
from benchmarks.claim_owners import Owner, this_process
from benchmarks.errors import one_line

BEAT_S = 30.0
"""Seconds between two heartbeats of a claim: the owner touches its file."""
MISSED = 10
"""Heartbeats without which an owner that cannot be seen from here counts as gone."""
TRIES = 100
"""Looks at a claim that others take and drop at the same time, before it counts as taken."""


class Claimed(Exception):
    """Another living process works on the run."""


class Held:
    """A claim that this process has taken."""

    def __init__(self, files: ClaimFiles, owner: Owner, number: int) -> None:
        self._files, self._owner, self._number = files, owner, number

    @property
    def lost(self) -> bool:
        """Whether another process took it over, as seen now; False while that cannot be seen."""
        try:
            found = self._files.read(self._number)
            if found is None or (found.owner != self._owner and not found.hidden):
                return True
            return self._files.newest() != self._number
        except OSError:
            return False

    def check(self) -> None:
        """Raise `Claimed` if another process took it over: to be called before each write."""
        if self.lost:
            raise Claimed(f"{self._files.path}: another process took it over from this one")

    def beat(self, released: threading.Event) -> None:
        """Say that this process lives, again and again until the claim is released or lost."""
        while not released.wait(BEAT_S) and not self.lost:
            with suppress(OSError):  # a share that is away for a while must not end the run
                self._files.touch(self._number)

    def release(self) -> None:
        """Let go of it; what another process took over stays that one's."""
        with suppress(OSError):  # it goes stale by itself
            self._files.release(self._owner, self._number)


@contextmanager
def claim(path: Path) -> Iterator[Held]:
    """Hold the claim ``path``; raises `Claimed` while another process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files, owner = ClaimFiles(path), this_process()
    held = Held(files, owner, take(files, owner))
    released = threading.Event()
    heart = threading.Thread(
        target=held.beat, args=(released,), name=f"heartbeat of {path}", daemon=True
    )
    try:
        heart.start()
        yield held
    finally:
        released.set()
        held.release()


def is_held(path: Path) -> bool:
    """Whether a process that may still live holds the claim; only looks, and never raises."""
    files = ClaimFiles(path)
    try:
        found = _newest(files)[1]
        return found is not None and _lives(found, files)
    except OSError:
        return False


def is_released(path: Path) -> bool:
    """Whether nobody holds the claim, and whoever held it last let go of it."""
    found = _newest(ClaimFiles(path))[1]
    return found is None or (found.owner is None and not found.fault and not found.hidden)


def take(files: ClaimFiles, owner: Owner) -> int:
    """Make the next number for ``owner`` and return it; raises `Claimed` if the newest lives."""
    for _ in range(TRIES):
        newest, found = _newest(files)
        if found is not None and _lives(found, files):
            raise Claimed(f"{files.path}: held by {_described(found)}")
        if not files.put(owner, newest + 1):
            continue
        # A number that was free because it had been tidied away meanwhile is not the newest.
        if files.newest() == newest + 1:
            _tidy(files, newest + 1)
            return newest + 1
        files.release(owner, newest + 1)
    raise Claimed(f"{files.path}: other processes take and drop it all the time")


def _newest(files: ClaimFiles) -> tuple[int, Found | None]:
    for _ in range(TRIES):
        newest = files.newest()
        found = files.read(newest) if newest else None
        if found is not None or not newest:
            break
    return newest, found


def _tidy(files: ClaimFiles, newest: int) -> None:
    for number in files.numbers():
        if number < newest:
            files.remove(number)
    files.sweep_up(MISSED * BEAT_S)


def _lives(found: Found, files: ClaimFiles) -> bool:
    if found.owner is None and not found.hidden:
        return False
    lives = found.owner.lives() if found.owner else None
    return files.age(found.touched) < MISSED * BEAT_S if lives is None else lives


def _described(found: Found) -> str:
    if found.owner is None:
        return "a process of another user"
    return f"process {found.owner.pid} on {one_line(found.owner.host)}"
