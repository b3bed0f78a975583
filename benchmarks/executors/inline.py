"""One run after another in this process."""

from __future__ import annotations

from concurrent.futures import Future

from benchmarks.errors import BadInput
from benchmarks.executors.job import Job, Notify, execute


class Inline:
    """The executor without workers: a job is done when `submit` returns."""

    elsewhere = False

    def __init__(self, *, workers: int | None = None) -> None:
        if workers not in (None, 1):
            raise BadInput(f"--executor inline runs one at a time: leave out --workers {workers}")

    def submit(self, job: Job, notify: Notify) -> Future[str]:
        future: Future[str] = Future()
        try:
            future.set_result(execute(job, notify))
        except Exception as error:
            future.set_exception(error)
        return future

    def begin(self) -> None:
        pass

    def stop(self) -> None:
        pass
