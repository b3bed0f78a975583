"""Files that a run adds whole lines to: its log, its trace, its events."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TAIL = 65536
"""Bytes within which a line that was cut off is looked for."""


def append(path: Path, lines: str) -> None:
    """Add lines to a file: all of them or, with an `OSError`, nothing.

    A line that a killed process or a full disk cut off is dropped first.
    """
    data = lines.encode("utf-8", "backslashreplace")
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        whole = size - len(tail) + tail.rfind(b"\n") + 1
        if whole < size:
            file.truncate(whole)
        try:
            while data:
                data = data[file.write(data) :]
        except OSError:
            with suppress(OSError):
                file.truncate(whole)
            raise


class _Lines(logging.Handler):
    """Appends what is logged to a file; one that cannot be written is named once on stderr.

    A log is not worth a run: that goes on without it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.complained = path, False
        form = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S+00:00")
        form.converter = time.gmtime
        self.setFormatter(form)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # some library's arguments do not fit its message
            text = str(record.msg)
        try:
            append(self.path, text + "\n")
        except OSError as error:
            if not self.complained:
                self.complained = True
                message = f"{self.path}: cannot be written ({error.strerror}); going on without"
                print(message, file=sys.stderr)


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Send log records and warnings to a file while inside."""
    handler = _Lines(path)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()
