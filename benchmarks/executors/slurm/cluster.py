"""SLURM, asked and told by its commands; nothing here goes through a shell."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any, Protocol

from benchmarks.errors import BadInput, one_line
from benchmarks.executors.slurm.command import command

COMMANDS = ("sbatch", "srun", "squeue", "scontrol", "scancel")
MAX_ARRAY = 1001
"""SLURM's own default."""
QUIET_S = 60.0
"""Seconds that the controller may be away before it is said."""
ASK_S = 60.0
"""Seconds that one of the commands may take."""

Key = tuple[str, int]
"""A task: its array's id, and its number there."""


class Cluster(Protocol):
    """What arrays are sent to."""

    max_array: int
    pause_s: float
    """Seconds between two questions."""

    def send(self, folder: Path, count: int, wanted: Mapping[str, Any]) -> str:
        """Send an array of ``count`` tasks; its id. Raises `BadInput` if it is refused.

        ``wanted``: parameters of submitit's executor.
        """

    def alive(self, arrays: Sequence[str]) -> set[Key] | None:
        """The tasks that wait or run; None where nobody answers."""

    def reason(self, key: Key) -> str:
        """Why a task is gone, as far as anyone remembers."""

    def cancel(self, arrays: Sequence[str]) -> None:
        """End the arrays' tasks."""

    def close(self) -> None:
        """Remove what was kept for all arrays."""


class Slurm:
    """The cluster that ``sbatch`` sends to."""

    def __init__(
        self, parameters: Mapping[str, Any], additional: Mapping[str, Any], pause_s: float
    ):
        """``parameters`` as submitit's `SlurmExecutor` has them; raises `BadInput`."""
        missing = [name for name in COMMANDS if shutil.which(name) is None]
        if missing:
            raise BadInput(
                f"--executor slurm: {', '.join(missing)} is not on the PATH here; start the sweep "
                f"on a login node of the cluster, or try it with --option cluster=local"
            )
        self._parameters, self._additional = dict(parameters), dict(additional)
        self.pause_s = pause_s
        self._quiet_since: float | None = None
        size = re.search(
            r"^MaxArraySize\s*=\s*(\d+)", _ask(["scontrol", "show", "config"])[1], re.M
        )
        self.max_array = max(1, int(size[1]) if size else MAX_ARRAY)

    def send(self, folder: Path, count: int, wanted: Mapping[str, Any]) -> str:
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        with tempfile.TemporaryDirectory(prefix="ness-slurm-") as scripts:  # sbatch sends a copy
            executor = SlurmExecutor(scripts)
            executor.update_parameters(
                **self._parameters,
                **wanted,
                additional_parameters=self._additional,
                use_srun=False,
            )
            executor.parameters["map_count"] = count
            # exec: SLURM's signals then reach Python, not the shell before it.
            started = f"exec {shlex.join(command(folder))}"
            try:
                with redirect_stderr(StringIO()):  # what the exception says as well
                    job = executor._submit_command(started)
            except (FailedJobError, FailedSubmissionError) as error:
                raise BadInput(f"--executor slurm: {one_line(error)}") from error
        return str(job.job_id)

    def alive(self, arrays: Sequence[str]) -> set[Key] | None:
        listed = ["--array", "--noheader", "--format=%F|%K", f"--jobs={','.join(arrays)}"]
        status, answer = _ask(["squeue", *listed])
        if status != 0 and "Invalid job id" in answer:  # one array, and forgotten
            status, answer = 0, ""
        if status != 0:
            self._say_it_is_away(answer)
            return None
        self._quiet_since = None
        lines = (line.split("|") for line in answer.splitlines())
        return {(line[0], int(line[1])) for line in lines if line[1:] and line[1].isdecimal()}

    def reason(self, key: Key) -> str:
        status, answer = _ask(["scontrol", "--oneliner", "show", "job", "{}_{}".format(*key)])
        found = re.search(r" JobState=(\S+) Reason=(\S+) .* ExitCode=(\S+)", answer)
        if status != 0 or found is None:
            return "SLURM remembers nothing of it"
        state, why, ended = found.groups()
        parts = [state, *([] if why == "None" else [why]), f"exit status and signal {ended}"]
        return ", ".join(parts)

    def cancel(self, arrays: Sequence[str]) -> None:
        status, answer = _ask(["scancel", *arrays])
        if status != 0 and "Invalid job id" not in answer:
            print(f"scancel {' '.join(arrays)} failed: {one_line(answer)}", file=sys.stderr)

    def close(self) -> None:
        pass

    def _say_it_is_away(self, answer: str) -> None:
        now = time.monotonic()
        if self._quiet_since is None:
            self._quiet_since = now
        elif now - self._quiet_since > QUIET_S:
            self._quiet_since = float("inf")  # once is enough
            print(f"SLURM does not answer, waiting for it: {one_line(answer)}", file=sys.stderr)


def _ask(asked: list[str]) -> tuple[int, str]:
    """Exit status of a command, and what it printed."""
    try:
        done = subprocess.run(
            asked, capture_output=True, text=True, errors="replace", timeout=ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")
