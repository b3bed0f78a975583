"""Where a run took place: versions, code, machine."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "timm", "avalanche-lib", "numpy", "scikit-learn")
ROOT = Path(__file__).parents[1]
PACKAGES_OF_OURS = ("ness", "baselines", "benchmarks")
MOVES_KEPT = 5
"""Changes of place that a record remembers, the newest: it must stay short."""


def describe(device: str, threads: int) -> dict[str, Any]:
    """What the run record says of its environment."""
    import torch

    from ness.version import __version__

    commit, dirty = git_state()
    return {
        "ness": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "cpu": _cpu_name(),
        "cores": _cores(),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "cuda": torch.version.cuda if device == "cuda" else None,
        "threads": threads,
        "git_commit": commit,
        "git_dirty": dirty,
    }


def moved(before: dict[str, Any], now: dict[str, Any], task: int) -> dict[str, Any]:
    """The environment of a run that went on with ``task`` (from 1) where ``now``, or what it has of
    it, describes.

    What differs from where it was last is added under ``moves``, and the rest stays as it began:
    so in the first task that is what replaces it.
    """
    last = latest(before)
    changed = {key: value for key, value in now.items() if last.get(key) != value}
    if not changed:
        return before
    if task == 1:
        return before | changed
    moves = before.get("moves", [])
    return before | {"moves": [*moves, {"task": task, **changed}][-MOVES_KEPT:]}


def latest(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Where the run was last, in the form of `describe`."""
    found = {key: value for key, value in environment.items() if key != "moves"}
    for move in environment.get("moves", []):
        found |= {key: value for key, value in move.items() if key != "task"}
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _cores() -> int | None:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def git_state() -> tuple[str | None, bool | None]:
    """Commit of this checkout, and whether its code differs from it: tracked files have changed,
    results aside, or there is code that git does not know."""
    commands = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=all"])
    answers = []
    for command in commands:
        try:
            done = subprocess.run(
                ["git", *command], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None, None
        answers.append(done.stdout)
    return answers[0].strip(), any(map(_is_change, answers[1].splitlines()))


def _is_change(line: str) -> bool:
    """Whether a line of ``git status --porcelain`` tells of other code, and not of other files."""
    new, path = line.startswith("??"), line[3:].strip('"')
    folder = path.partition("/")[0]
    if not new:
        return folder != "results"
    return path.endswith(".py") and folder in PACKAGES_OF_OURS
