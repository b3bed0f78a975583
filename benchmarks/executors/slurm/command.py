"""The command of an array's tasks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import benchmarks

SCRIPT = 'exec "$@" >>"$0/{number}.log" 2>&1'
"""Of a shell that is handed folder and command as arguments, and so never reads them as words.

The log is not SLURM's: in its file names %, \\ and spaces have a meaning.
"""


def command(folder: Path, number: int | None = None) -> list[str]:
    """What executes one task: that of SLURM's number, or the one with the ``number``."""
    root = str(Path(benchmarks.__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    script = SCRIPT.format(number="$SLURM_ARRAY_TASK_ID" if number is None else number)
    task = [] if number is None else [str(number)]
    python = [sys.executable, "-P", "-m", "benchmarks.executors.slurm.task", str(folder), *task]
    return ["sh", "-c", script, str(folder), "env", f"PYTHONPATH={path}", *python]
