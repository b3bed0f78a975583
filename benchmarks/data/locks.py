"""One writer at a time for a data set's cache folder, and no silence while waiting."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import BadInput

PATIENCE_S = 1.0
"""Seconds of waiting after which it is said that, and for what, this process waits."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the write lock of a data set's cache folder, waiting for another process's.

    The system drops the lock of a process that dies. Raises `BadInput` where nothing can be
    written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=PATIENCE_S)
        except Timeout:
            print(
                f"waiting for another process that is writing {folder} (lock {lock.lock_file})",
                file=sys.stderr,
                flush=True,
            )
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an `OSError` into the `BadInput` that names the folder and the way to another."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot write there ({error.strerror or error}); give another folder with "
            f"--data DIR or NESS_DATA"
        ) from error
