"""Members of zip and tar archives, read into memory: nothing is ever extracted to disk.

So no name in an archive, absolute, with ``..`` or a link, can write anywhere.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from lzma import LZMAError
from pathlib import Path

from benchmarks.data.messages import BadFile, plain

LARGEST = 2 << 30
"""Bytes that a member may have; a small archive can claim to hold far more."""


def zip_members(archive: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The content of the files with these base names, in whatever folder of the archive.

    Raises `BadFile` for a damaged archive and for a member that is missing, occurs twice, is a
    link or is too large.
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
                _require_one(archive, name, len(members))
                (member,) = members
                # Zips of systems without modes have none.
                kind = stat.S_IFMT(member.external_attr >> 16)
                _require_fit(archive, name, kind in {0, stat.S_IFREG}, member.file_size)
                contents[name] = opened.read(member)
            return contents
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, LZMAError) as error:
        raise _damaged(archive, error) from error


def tar_members(archive: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The content of the files with these full names in a .tar.gz; raises as `zip_members`."""
    contents: dict[str, list[bytes]] = {name: [] for name in names}
    try:
        with tarfile.open(archive, "r:gz") as opened:
            for member in opened:
                if member.name in contents:
                    file = opened.extractfile(member) if member.isreg() else None
                    _require_fit(archive, member.name, file is not None, member.size)
                    assert file is not None
                    contents[member.name].append(file.read())
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise _damaged(archive, error) from error
    for name, found in contents.items():
        _require_one(archive, name, len(found))
    return {name: content for name, (content,) in contents.items()}


def _require_one(archive: Path, name: str, count: int) -> None:
    if not count:
        raise BadFile(f"{archive}: has no member {name}")
    if count > 1:
        raise BadFile(f"{archive}: has {count} members {name}, and only one can be meant")


def _require_fit(archive: Path, name: str, is_file: bool, size: int) -> None:
    if not is_file:
        raise BadFile(f"{archive}: its member {name} is a link or folder, not a file")
    if size > LARGEST:
        raise BadFile(f"{archive}: its member {name} has {size:,} bytes, more than {LARGEST:,}")


def _damaged(archive: Path, error: Exception) -> BadFile:
    return BadFile(f"{archive}: damaged ({plain(error) or type(error).__name__})")
