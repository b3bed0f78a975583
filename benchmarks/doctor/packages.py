"""The packages: installed, of the right version, and fit to be imported."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.doctor.checks import Check, note, off, ok
from benchmarks.doctor.project import (
    Project,
    Requirement,
    canonical,
    install_command,
    within,
)

MODULES = {"avalanche-lib": "avalanche", "scikit-learn": "sklearn", "pillow": "PIL"}
"""What is imported of distributions that are named otherwise."""

TOLD = 0.1
"""Seconds of an import worth telling."""

Imports = Mapping[str, Mapping[str, Any]]
"""As `benchmarks.doctor.children.try_imports` gives them."""


def check_python(project: Project) -> Check:
    """This Python against ``requires-python``."""
    here = platform.python_version()
    if within(here, project.python) is False:
        way = f"make the environment with a Python {project.python}"
        return off("python", f"{here}, and {project.python} is needed", way)
    return ok("python", f"{here} ({platform.python_implementation()}), {project.python} is needed")


def to_import(project: Project) -> list[str]:
    """The modules worth importing: of what is needed, and of extras that runs import."""
    extras = [one for name, some in project.extras.items() if name != "dev" for one in some]
    return [_module(one) for one in (*project.needed, *extras) if _installed(one)]


def check_needed(project: Project, imports: Imports) -> Iterator[Check]:
    """One check a package that nothing works without."""
    for requirement in project.needed:
        fault = _fault(requirement, imports)
        pin = project.pins.get(canonical(requirement.name))
        here = _installed(requirement)
        if fault:
            yield off(requirement.name, *fault)
        elif within(here, requirement.specifier) is None:
            way = f"to compare, {install_command([Requirement('packaging', '')])}"
            yield note(requirement.name, f"{here}, not compared with {requirement}", way)
        elif pin not in (None, here):
            way = install_command([Requirement(requirement.name, f"=={pin}")])
            yield note(requirement.name, f"{here}, and stored results are of {pin}", way)
        else:
            seconds = imports[_module(requirement)]["seconds"]
            took = f", imported in {seconds:.1f} s" if seconds >= TOLD else ""
            yield ok(requirement.name, f"{here}{took}")


def check_extras(project: Project, imports: Imports) -> Iterator[Check]:
    """One check an extra: there, or how to install what it lacks."""
    for extra, requirements in project.extras.items():
        name = f"extra {extra}"
        lacking = [one for one in requirements if not _installed(one)]
        faults = {one: _fault(one, imports) for one in requirements if one not in lacking}
        broken = {one: fault for one, fault in faults.items() if fault}
        if broken:
            requirement, fault = next(iter(broken.items()))
            yield off(name, f"{requirement.name} {fault[0]}", fault[1])
        elif lacking:
            missing = ", ".join(one.name for one in lacking)
            yield note(name, f"without {missing}", install_command(lacking))
        else:
            found = ", ".join(f"{one.name} {_installed(one)}" for one in requirements)
            yield ok(name, found)


def _fault(requirement: Requirement, imports: Imports) -> tuple[str, str] | None:
    """What is wrong with a package, and the way out."""
    here = _installed(requirement)
    if not here:
        return "not installed", install_command([requirement])
    if within(here, requirement.specifier) is False:
        return f"{here}, and {requirement} is needed", install_command([requirement])
    if error := imports.get(_module(requirement), {}).get("error"):
        again = install_command([requirement], "--force-reinstall")
        return f"{here} cannot be imported: {error[:300]}", again
    return None


def _module(requirement: Requirement) -> str:
    return MODULES.get(requirement.name, requirement.name.replace("-", "_"))


def _installed(requirement: Requirement) -> str:
    try:
        # None where the metadata is there and damaged.
        return version(requirement.name) or ""
    except (PackageNotFoundError, KeyError):
        return ""
