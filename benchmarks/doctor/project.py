"""What this checkout asks for: read from pyproject.toml and constraints.txt, kept nowhere else."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.errors import BadInput

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Requirement:
    """A distribution and the versions of it that will do (``>=2.4``, or empty for any)."""

    name: str
    specifier: str

    def __str__(self) -> str:
        return f"{self.name}{self.specifier}"


@dataclass(frozen=True)
class Project:
    """What has to be installed, what may be, and what `make setup` pins."""

    python: str
    needed: tuple[Requirement, ...]
    """The dependencies and those of the extra ``bench``."""
    extras: dict[str, tuple[Requirement, ...]]
    """Every other extra."""
    pins: dict[str, str]
    """Versions by canonical name."""


def read_project(root: Path = ROOT) -> Project:
    """The project in the folder ``root``; raises `BadInput` where its files cannot be read."""
    try:
        import tomllib
    except ModuleNotFoundError as error:
        raise BadInput(
            f"Python {sys.version.split()[0]} is older than 3.11 and cannot read pyproject.toml; "
            f"make the environment with python3.11 or later"
        ) from error
    try:
        table = tomllib.loads((root / "pyproject.toml").read_text())["project"]
        pinned = (root / "constraints.txt").read_text().splitlines()
        extras = {
            name: _requirements(texts) for name, texts in table["optional-dependencies"].items()
        }
        return Project(
            python=table["requires-python"],
            needed=_requirements(table["dependencies"]) + extras.pop("bench"),
            extras=extras,
            pins={
                canonical(name): version
                for name, equal, version in (line.strip().partition("==") for line in pinned)
                if equal
            },
        )
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(
            f"{root}: pyproject.toml or constraints.txt cannot be read ({error!r}); run from a "
            f"fresh git clone"
        ) from error


def _requirements(texts: Iterable[str]) -> tuple[Requirement, ...]:
    found = []
    for text in texts:
        parts = re.fullmatch(r"([\w.-]+)(?:\[.*\])?([^;]*).*", text)
        if parts is None:
            raise ValueError(text)
        found.append(Requirement(parts[1], parts[2].replace(" ", "")))
    return tuple(found)


def canonical(name: str) -> str:
    """The name as package indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def within(version: str, specifier: str) -> bool | None:
    """Whether the version will do; None where nothing here can compare versions."""
    for module in ("packaging.specifiers", "pip._vendor.packaging.specifiers"):
        try:
            specifiers = import_module(module)
        except Exception:  # a broken one raises anything
            continue
        try:
            return bool(specifiers.SpecifierSet(specifier).contains(version, prereleases=True))
        except ValueError:  # no version at all
            return False
    return None


def install_command(requirements: Iterable[Requirement], *options: str) -> str:
    """The shell command that installs them into this Python, pinned as `make setup` pins."""
    python, constraints = (
        _short(path) for path in (Path(sys.executable), ROOT / "constraints.txt")
    )
    words = [python, "-m", "pip", "install", *options, "-c", constraints]
    return f"run: {shlex.join([*words, *map(str, requirements)])}"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
