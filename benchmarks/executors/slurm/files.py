"""The folder of an array: what each task is to do, what it answered, its log."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from benchmarks.errors import BadInput
from benchmarks.executors.job import Job
from benchmarks.records import write_atomically
from benchmarks.spec import RunSpec


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Task(Strict):
    """One run, and all that its process on a node has to know."""

    spec: RunSpec
    out: Path
    data_dir: Path | None
    retry: list[str]
    trackers: list[str]
    seen: str | None
    environment: dict[str, str]
    requeue: bool
    """Whether it goes back to the queue at its time limit."""

    def job(self) -> Job:
        """The run, as an executor was handed it."""
        retry, trackers = frozenset(self.retry), tuple(self.trackers)
        return Job(self.spec, self.out, self.data_dir, retry, trackers, self.seen)


class Answer(Strict):
    """How a task ended: the status of its record, or why there is none."""

    kind: Literal["status", "claimed", "interrupted", "error"]
    text: str


class Requeued(Strict):
    """How many tasks of its stream a run had behind it when it went back to the queue."""

    tasks_done: int


class ArrayFolder:
    """The files of an array; the number of a task is its index in the array."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls, out: Path) -> ArrayFolder:
        """A new folder below ``out`` that nobody else may enter."""
        parent = out.absolute() / "slurm"
        parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{datetime.now():%Y%m%d-%H%M%S}-"
        return cls(Path(tempfile.mkdtemp(prefix=prefix, dir=parent)))

    def remove(self) -> None:
        """Remove the folder, and its parent after the last array."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def log(self, number: int) -> Path:
        """What a task printed."""
        return self.path / f"{number}.log"

    def write_task(
        self, number: int, job: Job, environment: dict[str, str], *, requeue: bool
    ) -> None:
        """Say what a task is to do; raises `BadInput` for a path that no text can hold."""
        task = Task(
            spec=job.spec,
            out=job.out.absolute(),
            data_dir=None if job.data_dir is None else job.data_dir.absolute(),
            retry=sorted(job.retry),
            trackers=list(job.trackers),
            seen=job.seen,
            environment=environment,
            requeue=requeue,
        )
        try:
            text = task.model_dump_json()
        except ValueError as error:
            raise BadInput(f"{str(job.out)!r}: its name is no UTF-8; give another --out") from error
        self._write(f"{number}.json", text)

    def read_task(self, number: int) -> Task:
        """What a task is to do, with the environment it wants; raises `ValueError`, `OSError`."""
        return Task.model_validate_json((self.path / f"{number}.json").read_bytes())

    def answer(self, number: int, answer: Answer) -> None:
        """Say how a task ended."""
        self._write(f"{number}.answer.json", answer.model_dump_json())

    def answers(self) -> dict[int, Answer]:
        """The answers so far; one that cannot be read counts as an interrupted run."""
        found = {}
        for path in self.path.glob("*.answer.json"):
            number = path.name.partition(".")[0]
            if not number.isdecimal():  # a part of one that is being written
                continue
            try:
                found[int(number)] = Answer.model_validate_json(path.read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                found[int(number)] = Answer(kind="interrupted", text=f"{path}: {error}")
        return found

    def requeued(self, number: int) -> Requeued | None:
        """How far a task had come when it went back to the queue last; None if it never did."""
        try:
            return Requeued.model_validate_json((self.path / f"{number}.requeued").read_bytes())
        except FileNotFoundError:
            return None

    def write_requeued(self, number: int, tasks_done: int) -> None:
        """Note how far a task has come as it goes back to the queue."""
        self._write(f"{number}.requeued", Requeued(tasks_done=tasks_done).model_dump_json())

    def last_line(self, number: int) -> str | None:
        """The last line that a task printed, "" for none; None without a log."""
        try:
            lines = self.log(number).read_text(errors="replace").split("\n")
        except OSError:
            return None
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.path / name, text.encode())
