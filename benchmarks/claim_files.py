"""The numbered files of a claim: ``claim.1``, ``claim.2``, ... of which the newest counts.

A file is made whole under another name and hard-linked to its number, which is atomic on local
and network file systems alike, and fails where the number is taken. An empty file is a claim that
was released. The newest is never removed or renamed, so that no number is ever used twice.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from benchmarks.claim_owners import Owner, marked_lives
from benchmarks.workdir import set_aside

LIMIT = 4096
"""Bytes that are read of a file: whole claims have a few hundred."""


@dataclass(frozen=True)
class Found:
    """What lies at a number."""

    owner: Owner | None
    """None if the claim was released, or there is a fault."""
    touched: float
    """When it was changed last, by the clock of the file system."""
    fault: str = ""
    """Why it cannot be a claim."""
    hidden: bool = False
    """Whether it may be a claim, but we may not read it."""


class ClaimFiles:
    """The files of the claim ``path``, which lie beside it as ``<path>.<number>``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number = re.compile(re.escape(path.name) + r"\.([1-9][0-9]*)")

    def at(self, number: int) -> Path:
        """The file with a number."""
        return self.path.with_name(f"{self.path.name}.{number}")

    def numbers(self) -> list[int]:
        """The numbers that are taken, in order."""
        try:
            names = [file.name for file in self.path.parent.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(match[1]) for name in names if (match := self._number.fullmatch(name)))

    def newest(self) -> int:
        """The highest number that is taken, 0 if none is."""
        return max(self.numbers(), default=0)

    def read(self, number: int) -> Found | None:
        """What lies at a number, None if nothing does; never waits for what is no file."""
        return _read(self.at(number))

    def put(self, owner: Owner, number: int) -> bool:
        """Take a number for an owner; False if another has it, or it is worth another try."""
        helper = self.path.with_name(f".{self.path.name}.{owner.mark()}")
        try:
            helper.write_text(owner.model_dump_json())
            return self._link(helper, owner, number)
        finally:
            with suppress(OSError):
                helper.unlink()

    def _link(self, helper: Path, owner: Owner, number: int) -> bool:
        try:
            os.link(helper, self.at(number))
        except FileExistsError:
            # NFS says so too of a link that it made, when it made it at the second request.
            found = self.read(number)
            return found is not None and found.owner == owner
        except FileNotFoundError:  # swept up: we were stopped for so long that we seemed dead
            return False
        return True

    def touch(self, number: int) -> None:
        """Say that the owner of a number lives."""
        os.utime(self.at(number))

    def release(self, owner: Owner, number: int) -> None:
        """Empty an owner's file, if it still is that owner's."""
        with suppress(FileNotFoundError), _opened(self.at(number), os.O_RDWR) as file:
            if _parsed(file.read(LIMIT)) == owner:
                file.truncate(0)

    def remove(self, number: int) -> None:
        """Remove a number that is not the newest; what is no claim is named on stderr and kept."""
        file = self.at(number)
        with suppress(OSError):  # it is in nobody's way
            found = _read(file)
            if found is not None and found.fault:
                aside = set_aside(file)
                print(f"{file}: no claim ({found.fault}), kept as {aside.name}", file=sys.stderr)
            else:
                file.unlink()

    def age(self, touched: float) -> float:
        """Seconds since a file was touched, by the clock of the file system where it can be asked:
        clocks of two hosts may differ by more than a claim's life.

        A time to come is as far off as one gone by: the clock was put back, and an owner that
        lives would have touched its file since.
        """
        try:
            name = f".{self.path.name}."
            with tempfile.TemporaryFile(dir=self.path.parent, prefix=name) as probe:
                now = os.fstat(probe.fileno()).st_mtime
        except OSError:  # a folder that can only be read
            now = time.time()
        return abs(now - touched)

    def sweep_up(self, grace: float) -> None:
        """Remove what killed processes left half done, or seem to have after ``grace`` seconds."""
        prefix = f".{self.path.name}."
        for helper in self.path.parent.iterdir():
            if not helper.name.startswith(prefix):
                continue
            with suppress(OSError, ValueError, OverflowError):  # it is in nobody's way
                lives = marked_lives(helper.name.removeprefix(prefix))
                if lives is None:
                    lives = self.age(helper.lstat().st_mtime) < grace
                if not lives:
                    helper.unlink()


def _read(file: Path) -> Found | None:
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):
            return Found(None, status.st_mtime, "not a file")
        try:
            with _opened(file, os.O_RDONLY) as opened:
                status, data = os.fstat(opened.fileno()), opened.read(LIMIT + 1)
        except PermissionError:
            return Found(None, status.st_mtime, hidden=True)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return None
        raise
    if not data:
        return Found(None, status.st_mtime)
    owner = _parsed(data) if len(data) <= LIMIT else None
    return Found(owner, status.st_mtime, "" if owner else "it names no process")


def _opened(file: Path, flags: int) -> BinaryIO:
    """A file opened so that whatever has taken its place is neither followed nor waited for."""
    handle = os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    return os.fdopen(handle, "rb" if flags == os.O_RDONLY else "rb+")


def _parsed(data: bytes) -> Owner | None:
    try:
        return Owner.model_validate_json(data)
    except ValueError:
        return None
