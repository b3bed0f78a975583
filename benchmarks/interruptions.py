"""What ends a run through no fault of its own: a full disk, no memory, a killed worker.

Such a run has no record, for the same command goes on with it; so it must not be taken for one
that failed, which is only tried again when that is asked for.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import one_line

AGAIN = "start the same command again: it goes on from the last finished task"

_WAYS_OUT = {
    "make room there": (errno.ENOSPC, errno.EDQUOT),
    "make it writable": (errno.EROFS, errno.EACCES, errno.EPERM),
    "move away what is in its place": (
        *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.ELOOP, errno.ENXIO),
    ),
    "raise the limit on the size of files (ulimit -f)": (errno.EFBIG,),
}


class Interrupted(Exception):
    """A run that can go on later; the message is one line that ends with the way out."""


def way_out(error: OSError) -> str:
    """What the user can do about a file or folder that cannot be written or read."""
    for hint, numbers in _WAYS_OUT.items():
        if error.errno in numbers:
            return hint
    return "look after that disk"


def no_access(path: Path, error: OSError, what: str = "written") -> Interrupted:
    """The exception for a path that cannot be ``what``."""
    return Interrupted(
        f"{path}: cannot be {what} ({error.strerror or error}); {way_out(error)} and {AGAIN}"
    )


def of_the_system(error: OSError) -> str:
    """A line for an `OSError` from somewhere: with the name of a file if it has one."""
    if error.filename is None:
        return f"{error.strerror or one_line(error)}; {way_out(error)} and {AGAIN}"
    return str(no_access(Path(os.fsdecode(error.filename)), error, "used"))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise `Interrupted` that names ``path`` for an `OSError` inside."""
    try:
        yield
    except OSError as error:
        raise no_access(path, error) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out: Python's, or one of torch's many."""
    # By name: torch is not imported here, and has a class for the memory of GPUs alone.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "out of memory" in text or "bad_alloc" in text
    )


@contextmanager
def needing_memory() -> Iterator[None]:
    """Raise `Interrupted` where memory runs out inside.

    How much there is depends on what else runs on the machine: it is no result of a method.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        first = (" ".join(str(error).split()) or type(error).__name__)[:200]
        raise Interrupted(
            f"out of memory ({first}); give fewer --workers or a smaller protocol.batch_size, "
            f"and {AGAIN}"
        ) from error


def how_it_ended(exit_code: int | None) -> str:
    """Why a worker gave no answer, by its process's exit code (negative: a signal)."""
    if exit_code is None or exit_code >= 0:
        return f"its process ended with status {exit_code} and no answer; {AGAIN}"
    number = -exit_code
    try:
        name = f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        name = f"signal {number}"
    if number == signal.SIGKILL:
        return (
            f"its process was killed by {name}, as the kernel does when memory runs out; "
            f"give fewer --workers if so, and {AGAIN}"
        )
    if number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT):
        return f"its process crashed in native code with {name}; {AGAIN}"
    return f"its process was ended by {name}; {AGAIN}"
