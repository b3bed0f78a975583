"""A file system of a few pages that only one process of ours has mounted, and that tests can fill,
write-protect and free again; real errors of the kernel, no stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

PAGE = 4096
"""Bytes that the smallest file takes on a tmpfs."""


class SmallDisk:
    """A tmpfs in a mount namespace of its own; ``path`` leads there from outside."""

    def __init__(self, folder: Path, options: str) -> None:
        self.folder = folder
        self._shell = subprocess.Popen(
            ["unshare", "-rm", "sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.do(f"mount -t tmpfs -o {options} tmpfs '{folder}'")
        self.path = Path(f"/proc/{self._shell.pid}/root{folder}")

    def do(self, command: str) -> None:
        """Run a shell command inside the namespace; raises `OSError` where it fails."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f'{command}\necho " $?"\n')
        self._shell.stdin.flush()
        said = ""
        while not (line := self._shell.stdout.readline()).startswith(" "):
            if not line:
                raise OSError(f"no namespace: {said}")
            said += line
        if line != " 0\n":
            raise OSError(f"{command}: {said}")

    def leave(self, pages: int) -> None:
        """Fill the disk with one file but for ``pages`` pages; another call moves the border."""
        filler = self.path / "filler"
        filler.unlink(missing_ok=True)
        free = os.statvfs(self.path).f_bavail
        filler.write_bytes(b"\0" * PAGE * (free - pages))
        assert os.statvfs(self.path).f_bavail == pages

    def make_room(self) -> None:
        """Remove what fills it."""
        (self.path / "filler").unlink()

    def protect(self) -> None:
        """Nothing can be written any more, by root neither."""
        self.do(f"mount -o remount,ro '{self.folder}'")

    def unprotect(self) -> None:
        self.do(f"mount -o remount,rw '{self.folder}'")

    def close(self) -> None:
        """End the namespace, and the disk with it."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait(10)
        assert self._shell.stdout is not None
        self._shell.stdout.close()


@contextmanager
def small_disk(folder: Path, *, pages: int = 64, options: str = "") -> Iterator[SmallDisk]:
    """A disk of ``pages`` pages on an empty folder, or with other ``options`` of tmpfs."""
    disk = SmallDisk(folder, options or f"size={pages * PAGE}")
    try:
        yield disk
    finally:
        disk.close()


@cache
def _why_not() -> str:
    if shutil.which("unshare") is None:
        return "there is no unshare here"
    with TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder)) as disk:
                (disk.path / "file").touch()
        except OSError as error:
            return f"no mount namespace can be made here ({error})"
    return ""


def require_small_disks() -> None:
    """Skip where the system does not let us mount anything."""
    if why := _why_not():
        pytest.skip(why)
