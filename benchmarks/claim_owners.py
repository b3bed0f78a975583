"""Who holds a claim, as its file says, and whether that process lives."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Owner(BaseModel):
    """A process, told from every other by where it runs, its number and its start.

    Containers may share a name, and a machine keeps its name over a reboot: a process can be
    looked for by its number only under the same boot of the kernel and in the same PID namespace.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    host: str
    boot: str
    pid_namespace: int
    """0 where ``/proc`` does not show the processes of our own namespace, or is not there."""
    pid: int = Field(gt=0, lt=2**31)
    started: int = Field(ge=0)
    """Clock ticks from boot to its start: the clock of the day may be put right."""
    nonce: str = Field(min_length=1)
    """Tells this claim from any other that the process takes."""

    def lives(self) -> bool | None:
        """Whether the process lives; None where that cannot be told from here."""
        return _lives((self.host, self.boot, self.pid_namespace), self.pid, self.started)

    def mark(self) -> str:
        """The owner as a part of a file name: it can be judged before the file says anything."""
        place = _digest((self.host, self.boot, self.pid_namespace))
        return f"{place}-{self.pid}-{self.started}-{self.nonce}"


def marked_lives(mark: str) -> bool | None:
    """Whether the process of an `Owner.mark` lives; None where that cannot be told from here."""
    here = _place()
    place, *numbers = mark.split("-")
    if place != _digest(here) or len(numbers) != 3:
        return None
    return _lives(here, int(numbers[0]), int(numbers[1]))


def this_process() -> Owner:
    """The owner of a new claim."""
    host, boot, namespace = _place()
    return Owner(
        host=host,
        boot=boot,
        pid_namespace=namespace,
        pid=os.getpid(),
        started=(_started(os.getpid()) or 0) if namespace else 0,
        nonce=secrets.token_hex(8),
    )


def _lives(place: tuple[str, str, int], pid: int, started: int) -> bool | None:
    here = _place()
    if not here[2] or place != here:
        return None
    try:
        return _started(pid) == started
    except PermissionError:
        return None


def _digest(place: tuple[str, str, int]) -> str:
    return hashlib.sha256(repr(place).encode()).hexdigest()[:12]


def _place() -> tuple[str, str, int]:
    host = socket.gethostname()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # Elsewhere /proc is that of another PID namespace, and its numbers mean other processes.
        seen = Path("/proc/self").readlink().name == str(os.getpid())
        return host, boot, Path("/proc/self/ns/pid").stat().st_ino if seen else 0
    except OSError:
        return host, "", 0


def _started(pid: int) -> int | None:
    """When a process started; None if it has ended, also where nobody has waited for it yet.

    Raises `PermissionError` for one that is hidden from us.
    """
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            raise PermissionError(f"process {pid} is hidden: /proc has hidepid set") from None
        return None
    state, *values = line.rpartition(b")")[2].split()  # the name before it may hold anything
    return None if state in (b"Z", b"X") else int(values[18])
