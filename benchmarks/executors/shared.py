"""What every machine that executes runs has to see: the results, the data, the same code."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.errors import BadInput

ROOT = Path(__file__).parents[2]
"""The checkout, which every machine has to have at the same path."""


@dataclass(frozen=True)
class Shared:
    """What the machine of the sweep sees, for others to compare; `lay` makes it.

    ``token`` is the content of the file ``probe`` in the results folder: another folder of the
    same name cannot have it.
    """

    probe: Path
    token: str
    data: Path
    entries: frozenset[str]
    code: str
    packages: dict[str, str]

    def check(self) -> None:
        """Raise `BadInput` where this machine sees anything else."""
        complaint = self.complaint()
        if complaint:
            raise BadInput(f"node {socket.gethostname()} {complaint}")

    def complaint(self) -> str:
        """What this machine lacks and the way out, in words to follow its name; or nothing."""
        try:
            seen = self.probe.read_text()
        except (OSError, ValueError):
            seen = ""
        if seen != self.token:
            return (
                f"does not see the results in {self.probe.parents[1]}: give an --out that all "
                f"nodes share, at the same path"
            )
        if not self.entries <= entries(self.data):
            return (
                f"does not see the data sets in {self.data}: name a folder that all nodes have "
                f"with --data"
            )
        if code() != self.code:
            return (
                f"has other code in {ROOT} than the sweep began with: put the same checkout there "
                f"on every node, and start the sweep again"
            )
        here = packages(self.packages)
        for name, wanted in self.packages.items():
            if here[name] != wanted:
                return (
                    f"has {name} {here[name] or 'not at all'}, and the sweep runs with {wanted}: "
                    f"make setup there as here"
                )
        return ""


PACKAGES = ("torch", "avalanche-lib", "numpy", "scikit-learn")
"""Those whose versions may change a run's numbers."""


def lay(out: Path, data: Path) -> Shared:
    """Put a new probe into the results folder, which has to exist; whoever lays it removes it."""
    token = secrets.token_hex(16)
    probe = out / "work" / f".probe.{token[:8]}"
    probe.parent.mkdir(parents=True, exist_ok=True)
    probe.write_text(token)
    return Shared(probe, token, data, entries(data), code(), packages(PACKAGES))


def entries(folder: Path) -> frozenset[str]:
    """The names of what lies in a folder; none where there is no such folder."""
    try:
        return frozenset(one.name for one in folder.iterdir() if not one.name.startswith("."))
    except OSError:
        return frozenset()


def code() -> str:
    """Hash of all Python files of the three packages."""
    total = hashlib.sha256()
    for package in ("ness", "baselines", "benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            total.update(f"{path.relative_to(ROOT)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def packages(names: Iterable[str]) -> dict[str, str]:
    """Versions, empty if absent; without the build, which differs where there is a GPU or none."""
    found = {}
    for name in names:
        try:
            found[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            found[name] = ""
    return found
