"""``DIR/sweep.log``: what the sweeps on a folder did, in lines that they add to it side by side."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.errors import one_line

LARGEST = 1_000_000
"""Bytes at which the file is put aside, as ``sweep.log.1``, in place of the one before it."""


def stamp() -> str:
    """The time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class SweepLog:
    """Adds lines to ``out/sweep.log``: the time, the host, the process, what happened.

    Each line is one write to the end of the file, so that those of two sweeps never mix. A log
    that cannot be written is named once on stderr; the sweep goes on.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / "sweep.log"
        self._complained = False

    def add(self, text: str) -> None:
        """Add a line; breaks in ``text`` become blanks."""
        line = f"{stamp()} {socket.gethostname()} {os.getpid()} {one_line(text)}\n"
        try:
            if self.path.exists() and self.path.stat().st_size > LARGEST:
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
            # No more than appending is asked for, and no waiting for a reader if it is a pipe.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
            file = os.open(self.path, flags, 0o666)
            try:
                os.write(file, line.encode("utf-8", "backslashreplace"))
            finally:
                os.close(file)
        except OSError as error:
            if not self._complained:
                self._complained = True
                message = f"{self.path}: cannot be written ({error.strerror}); going on without"
                with suppress(OSError):
                    print(message, file=sys.stderr)
