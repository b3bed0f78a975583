"""A SLURM of its own on loopback: munged, slurmctld and slurmd with one node of two CPUs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")

CONFIG = """
ClusterName=ness
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
MaxArraySize=2
KillWait=10
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 MaxTime=60 DefaultTime=10
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF MaxTime=60
"""


def missing() -> str:
    """Why there can be no SLURM here; "" if there can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"no {', '.join(absent)} here: make test-slurm as root installs them"
    return "" if os.geteuid() == 0 else "munged, slurmctld and slurmd are started by root alone"


def wait_until(condition: Callable[[], Any], seconds: float = 120) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("waited in vain")


class Daemons:
    """The daemons, as children of this process and stopped by their ids; a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ness-slurmd-"))
        self.config = self.folder / "slurm.conf"
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Daemons:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        munge = self.folder / "munge"
        for name in ("munge", "state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        self.folder.chmod(0o711)
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        for path in (munge, munge / "key"):
            shutil.chown(path, "munge", "munge")
        host = socket.gethostname().partition(".")[0]
        config = CONFIG.format(folder=self.folder, host=host, ports=_free_ports())
        self.config.write_text(config.lstrip())
        files = ["key-file=key", "socket=socket", "pid-file=pid", "log-file=log", "seed-file=seed"]
        options = [f"--{key}={munge / name}" for key, _, name in (f.partition("=") for f in files)]
        as_munge: dict[str, Any] = {"user": "munge", "group": "munge", "extra_groups": []}
        self._run(["munged", "--foreground", *options], **as_munge)
        wait_until((munge / "socket").exists, 30)
        self._run(["slurmctld", "-D", "-c"])
        self._run(["slurmd", "-D", "-c"])
        wait_until(lambda: self.ask("sinfo", "--noheader", "--format=%T") == "idle", 60)

    def _run(self, command: list[str], **options: Any) -> None:
        with (self.folder / f"{command[0]}.output").open("wb") as output:
            self._started.append(
                subprocess.Popen(
                    command,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, "SLURM_CONF": str(self.config)},
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for the tests
                    **options,
                )
            )

    def ask(self, *command: str) -> str:
        """What one of SLURM's commands prints."""
        env = {**os.environ, "SLURM_CONF": str(self.config)}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        return done.stdout.strip()

    def jobs(self) -> list[dict[str, str]]:
        """All jobs that the controller remembers, tasks of arrays one by one."""
        lines = self.ask("scontrol", "--oneliner", "show", "job").splitlines()
        jobs = [dict(word.partition("=")[::2] for word in line.split()) for line in lines]
        return [job for job in jobs if "JobId" in job]  # else: that there is none

    def tasks(self, array: str) -> list[dict[str, str]]:
        """The tasks of an array."""
        return [job for job in self.jobs() if job.get("ArrayJobId") == array]

    def queue(self) -> list[str]:
        """What waits or runs, as ARRAY_TASK."""
        return self.ask("squeue", "--array", "--noheader", "--format=%i").split()

    def __exit__(self, *_: object) -> None:
        if len(self._started) > 1:
            self.ask("scancel", "--user=root")
        for process in self._jobs_processes():
            process.send_signal(signal.SIGKILL)
        for daemon in reversed(self._started):
            daemon.terminate()
        for daemon in reversed(self._started):
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self._jobs_processes():  # the step daemons, which outlive slurmd
            process.send_signal(signal.SIGKILL)
        shutil.rmtree(self.folder)

    def _jobs_processes(self) -> list[psutil.Process]:
        """Processes that belong to this SLURM, but for the daemons and the tests themselves."""
        ours = {os.getpid(), *(daemon.pid for daemon in self._started)}
        found = []
        for process in psutil.process_iter():
            try:
                same = process.environ().get("SLURM_CONF") == str(self.config)
            except psutil.Error:
                continue
            if same and process.pid not in ours:
                found.append(process)
        return found


def _free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], other.getsockname()[1]]
