"""What SLURM is asked for: refused, quoted, and as it was given; no SLURM is needed."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from submitit import LocalExecutor, SlurmExecutor
from submitit.local.local import LOCAL_REQUEUE_RETURN_CODE, LocalJob

from benchmarks import executors
from benchmarks.errors import BadInput

Fake = Callable[..., Path]


def make(**options: Any) -> Any:
    return executors.make("slurm", options=options)


# What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partition": "gpu\n#SBATCH --wrap=x"}, "one line of printable text"),
        ({"job_name": "a\\b"}, "one line of printable text"),
        ({"account": ""}, "one line of printable text"),
        ({"additional": {"comment": "a\0b"}}, "additional.comment"),
        ({"additional": {"wrap": "id"}}, "additional.wrap: the executor sets it"),
        ({"additional": {"output": "/etc/x"}}, "the executor sets it"),
        ({"additional": {"open_mode": "x"}}, "the executor sets it"),
        ({"additional": {"nice=1 --wrap": "id"}}, "write a long option of sbatch"),
        ({"additional": {"-o": "x"}}, "write a long option of sbatch"),
        ({"additional": {"exclusive": False}}, "leave it out"),
        ({"timeout_min": 1}, "a run is told 90 s before"),
        ({"timeout_min": 0}, "timeout_min=0: give at least 1"),
        ({"poll_s": 0.1}, "poll_s=0.1: give at least 1"),
        ({"mem_gb": -1.0}, "mem_gb=-1.0: give at least"),
        ({"cluster": "slrm"}, "cluster"),
        ({"setup": ["id"]}, "unknown key option.setup"),
    ],
)
def test_what_cannot_be_is_refused(fake_slurm: Fake, options: dict[str, Any], message: str) -> None:
    fake_slurm()
    with pytest.raises(BadInput) as caught:
        make(**options)
    assert message in str(caught.value)


def test_who_has_no_sbatch_or_no_submitit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        with pytest.raises(BadInput, match=r"sbatch, srun, .* is not on the PATH here; .*local"):
            make()
    monkeypatch.setattr("benchmarks.executors.slurm.executor.find_spec", lambda _: None)
    with pytest.raises(BadInput, match=r'pip install -e "\.\[slurm\]"'):
        make()


# What is sent ----------------------------------------------------------------------------


def script_of(tmp_path: Path, fake_slurm: Fake, folder: Path, **options: Any) -> str:
    sent = tmp_path / "sent"
    fake_slurm(sbatch=f"cp \"$1\" '{sent}'; echo Submitted batch job 7")
    made = make(**options)
    wanted = {"cpus_per_task": 3, "gpus_per_node": 1, "array_parallelism": 2}
    assert made._cluster.send(folder, 5, wanted) == "7"
    return sent.read_text()


def test_the_script_asks_for_what_was_given(tmp_path: Path, fake_slurm: Fake) -> None:
    options = {"partition": "gpu", "timeout_min": 120, "mem_gb": 1.5, "constraint": "a100&fast"}
    text = script_of(
        tmp_path, fake_slurm, tmp_path, **options, additional={"nice": 10, "exclusive": True}
    )
    asked = {line.removeprefix("#SBATCH --") for line in text.splitlines() if "#SBATCH" in line}
    assert asked == {
        *("array=0-4%2", "cpus-per-task=3", "gpus-per-node=1", "partition=gpu", "time=120"),
        *("mem=1536M", "constraint='a100&fast'", "nice=10", "exclusive", "job-name=ness"),
        *("requeue", "signal=B:USR2@90", "nodes=1", "open-mode=append"),
        *("output=/dev/null", "error=/dev/null"),
    }


def test_the_script_runs_one_command_whatever_the_folder_is_called(
    tmp_path: Path, fake_slurm: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell executes what sbatch was sent; the node's Python is a script that lists its words."""
    evil = tmp_path / "%j %A'\"\\$(touch ran)`touch ran`;touch ran;\n#SBATCH --nice=9\ntouch ran\n"
    evil.mkdir()
    monkeypatch.chdir(tmp_path)
    python = tmp_path / "py $(touch ran)"
    python.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    name = "n'\"$(touch ran)`touch ran`;touch ran #"
    text = script_of(tmp_path, fake_slurm, evil, job_name=name, additional={"comment": name})
    env = {**os.environ, "SLURM_ARRAY_TASK_ID": "3"}
    subprocess.run(["bash", "-c", text], env=env, check=True)
    words = json.loads((evil / "3.log").read_text())
    assert words == ["-P", "-m", "benchmarks.executors.slurm.task", str(evil)]
    assert not list(tmp_path.rglob("ran"))


# What submitit has to be -----------------------------------------------------------------


def test_submitit_has_the_private_parts_that_are_used(tmp_path: Path, fake_slurm: Fake) -> None:
    """A new release that changes them fails here; the extra's version range then moves."""
    fake_slurm()
    for kind in (LocalExecutor, SlurmExecutor):
        assert list(inspect.signature(kind._submit_command).parameters) == ["self", "command"]
    executor = SlurmExecutor(tmp_path)
    assert isinstance(executor.parameters, dict)
    executor.parameters["map_count"] = 2
    text = executor._make_submission_file_text("true", "0")
    assert "#SBATCH --array=0-1%2" in text
    assert LOCAL_REQUEUE_RETURN_CODE == 144
    assert LocalJob(tmp_path, "77").job_id == "77", "the id of the local controller's process"
