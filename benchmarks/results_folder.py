"""The results folder before anything is written into it."""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from benchmarks.errors import BadInput
from benchmarks.interruptions import way_out


def prepare(out: Path) -> None:
    """Make the output folder, or say in one line why it cannot be written to, or shared."""
    for folder in (out, out / "runs", out / "work"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):  # without a name: none stays if killed
                pass
        except OSError as error:
            raise BadInput(_no_folder(folder, error)) from error
    _require_hard_links(out / "work")


def drop_if_empty(out: Path) -> None:
    """Remove a folder that was prepared for nothing; what has something in it stays."""
    with suppress(OSError):
        for folder in (out / "runs", out / "work", out):
            folder.rmdir()


def _require_hard_links(folder: Path) -> None:
    """Claims are made with them, see `benchmarks.claim_files`."""
    probe = folder / f".probe.{secrets.token_hex(8)}"
    link = probe.with_name(f"{probe.name}.link")
    try:
        probe.touch()
        os.link(probe, link)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BadInput(_no_folder(folder, error)) from error
        raise BadInput(
            f"{folder}: its file system makes no hard links ({error.strerror}), which keep two "
            f"processes off one run; give a folder on another with --out"
        ) from error
    finally:
        link.unlink(missing_ok=True)
        probe.unlink(missing_ok=True)


def _no_folder(folder: Path, error: OSError) -> str:
    why = error.strerror
    if folder.is_symlink() and not folder.exists():
        why = f"a link to {folder.readlink()}, which does not exist"
    elif error.errno == errno.ENOSPC:
        why = f"{why}: {way_out(error)}"
    return f"{folder}: cannot write there ({why}); give another folder with --out"
