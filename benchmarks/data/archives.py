"""Members of zip and tar archives, read into memory: nothing is ever extracted to disk.

So no name in an archive, absolute, with ``..`` or a link, can write anywhere.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from benchmarks.errors import BadInput

LARGEST = 2 << 30
"""Bytes that a member may have; a small archive can claim to hold far more."""


def zip_members(archive: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The content of the files with these base names, in whatever folder of the archive.

    Raises `BadInput` for a damaged archive and for a member that is missing, occurs twice or
    is too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            contents = {}
            for name in names:
                members = [
                    info
                    for info in opened.infolist()
                    if info.filename.rpartition("/")[2] == name
                    and not info.filename.startswith("__MACOSX/")
                ]
                if len(members) != 1 or members[0].file_size > LARGEST:
                    raise BadInput(_unfit(archive, name, len(members)))
                contents[name] = opened.read(members[0])
            return contents
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(_damaged(archive, error)) from error


def tar_members(archive: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The content of the files with these full names in a .tar.gz.

    Raises `BadInput` as `zip_members` does, and for a member that is a link or no file.
    """
    wanted, contents = set(names), dict[str, bytes]()
    try:
        with tarfile.open(archive, "r:gz") as opened:
            for member in opened:
                file = opened.extractfile(member) if member.isreg() else None
                if member.name in wanted and file and member.size <= LARGEST:
                    contents[member.name] = file.read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise BadInput(_damaged(archive, error)) from error
    for name in wanted - contents.keys():
        raise BadInput(_unfit(archive, name, 0))
    return contents


def _unfit(archive: Path, name: str, count: int) -> str:
    return (
        f"{archive}: holds {count} files {name} of at most {LARGEST >> 30} GiB, not one; delete it "
        f"and get it again"
    )


def _damaged(archive: Path, error: Exception) -> str:
    return f"{archive}: damaged ({error or type(error).__name__}); delete it and get it again"
