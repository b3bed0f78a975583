"""Where things lie: the checkout, git, and the folders that are written to."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.doctor.checks import Check, note, off, ok
from benchmarks.doctor.project import ROOT
from benchmarks.environment import git_state


def check_checkout(root: Path = ROOT) -> Check:
    """The presets are there, and the `ness` that is imported is the one beside them."""
    clone = "run from a git clone, in its folder"
    if not (root / "benchmarks" / "specs" / "demo.toml").is_file():
        return off("checkout", f"{root} has no benchmarks/specs", clone)
    spec = find_spec("ness")
    origin = spec.origin if spec else None
    if origin is None or not Path(origin).resolve().is_relative_to(root.resolve()):
        return off("checkout", f"ness is imported from {origin or 'nowhere'}, not {root}", clone)
    return ok("checkout", str(root))


def check_git() -> Check:
    """Whether records can say from which code they come."""
    if shutil.which("git") is None:
        return note("git", "not found: records will not name the commit", "install git")
    commit, dirty = git_state()
    if commit is None:
        way = f"`git -C {ROOT} status` says why"
        return note("git", "no commit can be read: records will not name it", way)
    return ok("git", f"commit {commit[:12]}{', with changes in tracked files' if dirty else ''}")


def check_temporary() -> Check:
    """A folder for temporary files."""
    try:
        return ok("temporary files", tempfile.gettempdir())
    except OSError:
        return off("temporary files", "no folder for them", "export TMPDIR=<a writable folder>")


def check_home() -> Check:
    """Avalanche writes ~/.avalanche/config.json when it is imported, or fails."""
    home = Path("~").expanduser()
    try:
        _write_below(home / ".avalanche")
    except OSError as error:
        reason = f"{home} cannot be written to ({error.strerror or error})"
        found = f"{reason}: `import avalanche` fails, and runs take a temporary home"
        return note("home folder", found, "export HOME=<a writable folder>")
    return ok("home folder", f"{home}, writable")


def check_folder(name: str, folder: Path, room: float, way: str) -> Check:
    """Whether a folder can be made and written to, and has ``room`` GB; it is not made."""
    try:
        there = _write_below(folder)
        free = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        return off(name, f"{folder} cannot be written to ({error.strerror or error})", way)
    found = f"{folder}, {'writable' if folder.exists() else 'can be made'}, {free:.1f} GB free"
    return ok(name, found) if free >= room else note(name, f"{found}: less than {room:g} GB", way)


def _write_below(folder: Path) -> Path:
    """Write into the folder, or the nearest above it that exists, and take it back.

    Permission bits alone do not say: root passes them, and read-only mounts ignore them.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    with tempfile.TemporaryDirectory(dir=there, prefix=".ness-doctor-") as scratch:
        (Path(scratch) / "probe").write_bytes(bytes(4096))
    return there
