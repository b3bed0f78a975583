"""Child processes that try what may crash or hang, and what became of it."""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.doctor.project import ROOT

PATIENCE = 120.0
"""Seconds for all imports, of which each child has half of what is left: a cold torch on a
network disk takes half a minute."""

SHORTEST = 1.0
"""Seconds below which no child is started."""


def try_imports(modules: Sequence[str], patience: float = PATIENCE) -> dict[str, dict[str, Any]]:
    """What importing each module gave: ``error`` (empty if none), ``seconds``, torch's ``facts``.

    One child imports them one after another, since most of them share what takes long; where it
    dies or hangs, the module that it was at is to blame, and another child goes on after it.
    """
    results: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + patience
    with _spare_home() as environment:
        while left := [name for name in modules if name not in results]:
            seconds = (deadline - time.monotonic()) / 2
            if seconds < SHORTEST:
                results.update({name: {"error": "not tried, the others hang"} for name in left})
                break
            started, done, end = run_inside(["imports", *left], seconds, environment)
            results.update(done)
            if set(left) - set(done):
                blamed = left if started is None else [started]
                results.update({name: {"error": end} for name in blamed})
    return results


@contextmanager
def _spare_home() -> Iterator[dict[str, str]]:
    """An environment with a home folder of its own: Avalanche writes into it when imported.

    Packages under the real one are still found.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="ness-doctor-")
    except OSError:  # no temporary folder, which has a check of its own
        yield dict(os.environ)
        return
    with folder as home:
        yield {**os.environ, "HOME": home, "PYTHONUSERBASE": site.getuserbase()}


def run_inside(
    words: Sequence[str], patience: float, environment: dict[str, str] | None = None
) -> tuple[str | None, dict[str, Any], str]:
    """Run `benchmarks.doctor.inside`: what it was at when it ended, its results, how it ended."""
    environment = dict(os.environ if environment is None else environment)
    # Last, so that what a run would import is what is tried.
    paths = [environment.get("PYTHONPATH"), str(ROOT)]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    environment.setdefault("OMP_NUM_THREADS", "1")  # as `benchmarks.prepare` does
    command = [sys.executable, "-m", "benchmarks.doctor.inside", *words]
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
        )
        printed, end = done.stdout, _end(done.returncode, done.stderr)
    except subprocess.TimeoutExpired as error:
        printed, end = error.stdout or b"", f"still at it after {patience:.0f} s"
    started, results = None, {}
    for kind, name, *result in map(json.loads, printed.decode().splitlines()):
        if kind == "start":
            started = name
        else:
            started, results[name] = None, result[0]
    return started, results, end


def _end(status: int, stderr: bytes) -> str:
    last = stderr.decode(errors="replace").strip().splitlines()[-1:]
    reason = f" ({last[0]})" if last else ""
    if status < 0:
        return f"the process was killed by {signal.Signals(-status).name}{reason}"
    return f"the process ended with status {status}{reason}"
