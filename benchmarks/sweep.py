"""A sweep: expand the spec, drop what is finished, execute the rest, count how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from pathlib import Path
from time import sleep

from benchmarks import executors
from benchmarks.claims import Claimed, is_held
from benchmarks.errors import BadInput
from benchmarks.expected import expect
from benchmarks.interruptions import Interrupted, of_the_system
from benchmarks.leftovers import tidy
from benchmarks.preflight import check_all
from benchmarks.progress import SweepProgress
from benchmarks.progress_text import runs
from benchmarks.records import DamagedRecord, RunRecord, record_path
from benchmarks.results_folder import drop_if_empty, prepare
from benchmarks.spec import RunSpec
from benchmarks.stopping import heed
from benchmarks.workdir import WorkDir, read_or_set_aside

POLL_S = 1.0
"""Seconds between two looks at the runs of another sweep."""


def sweep(
    specs: Sequence[RunSpec],
    out: Path,
    *,
    executor: executors.Executor | None = None,
    workers: int | None = None,
    data_dir: Path | None = None,
    retry: frozenset[str] = frozenset(),
    trackers: Sequence[str] = (),
) -> Counter[str]:
    """Execute the specs that have no record below ``out`` yet; statuses of all of them.

    By ``executor``, which is stopped in the end, or by so many ``workers`` here. Every spec is
    checked before the first is trained. Runs that another sweep works on in the same folder are
    waited for: their records count, and what it drops is done here. ``retry``: statuses ("failed",
    "diverged") whose runs are executed again. ``trackers``: where their curves go, see
    `benchmarks.trackers`. Raises `BadInput` for a spec or folder that cannot be
    used, `KeyboardInterrupt` on Ctrl-C.
    """
    if executor is None:
        executor = executors.make(workers=workers)
    prepare(out)
    records = {spec.id: record for spec in specs if (record := _record(spec, out)) is not None}
    found = {run: record for run, record in records.items() if record.status not in retry}
    seen = {run: record.ended for run, record in records.items() if run not in found}
    for record in found.values():
        tidy(record, out)
    todo = [spec for spec in specs if spec.id not in found]
    try:
        check_all(todo, out, data_dir, here=not executor.elsewhere)
    except BadInput:
        drop_if_empty(out)
        raise
    expect(specs, out)
    result = Counter(str(record.status) for record in found.values())
    with SweepProgress(specs, out, found) as progress:
        waiting: list[RunSpec] = []
        try:
            while todo or waiting:
                jobs = [
                    executors.Job(spec, out, data_dir, retry, (*trackers,), seen.get(spec.id))
                    for spec in todo
                ]
                waiting += _execute(jobs, executor, progress, result)
                todo = _freed(waiting, out, progress)
                waiting = [spec for spec in waiting if spec not in todo]
                for spec, record in _made_elsewhere(todo, out, retry, seen):
                    todo.remove(spec)
                    progress.end(spec, record.status)
                    result[record.status] += 1
        finally:
            executor.stop()
    return result


def _execute(
    jobs: Sequence[executors.Job],
    executor: executors.Executor,
    progress: SweepProgress,
    result: Counter[str],
) -> list[RunSpec]:
    """Run jobs and count how they ended; returns those that another sweep works on."""
    pending: dict[Future[str], RunSpec] = {}
    claimed = []

    def end(future: Future[str], spec: RunSpec) -> None:
        try:
            status = message = future.result()
        except Claimed:
            claimed.append(spec)
            return
        except Interrupted as error:
            status, message = "interrupted", f"interrupted: {error}"
        except OSError as error:
            status, message = "interrupted", f"interrupted: {of_the_system(error)}"
        progress.end(spec, message)
        result[status] += 1

    for job in jobs:
        heed()
        future = executor.submit(job, progress.epoch)
        if future.done():
            end(future, job.spec)
        else:
            pending[future] = job.spec
    executor.begin()
    left = set(pending)
    while left:
        # Not for ever: the kernel may hand a signal to another thread, and then nothing would
        # wake this one, which alone can heed it.
        ended, left = wait(left, timeout=POLL_S, return_when=FIRST_COMPLETED)
        heed()
        for future in ended:
            end(future, pending[future])
    return claimed


def _freed(waiting: Sequence[RunSpec], out: Path, progress: SweepProgress) -> list[RunSpec]:
    """Wait until some of the runs that another sweep works on are done or dropped there."""
    said = False
    while waiting:
        free = [spec for spec in waiting if not is_held(WorkDir(out, spec.id).claim)]
        if free:
            return free
        if not said:
            progress.say(f"waiting for {runs(len(waiting))} that another sweep works on")
            said = True
        sleep(POLL_S)
    return []


def _made_elsewhere(
    specs: Sequence[RunSpec], out: Path, retry: frozenset[str], seen: Mapping[str, str | None]
) -> list[tuple[RunSpec, RunRecord]]:
    """Those of the specs that another sweep has made the record of, meanwhile."""
    made = []
    for spec in specs:
        path = record_path(out, spec.stream, spec.strategy, spec.id)
        with suppress(DamagedRecord):  # named and set aside by who holds the claim
            if path.exists():
                record = RunRecord.read(path)
                if not record.is_repeated(retry, seen.get(spec.id)):
                    made.append((spec, record))
    return made


def _record(spec: RunSpec, out: Path) -> RunRecord | None:
    return read_or_set_aside(record_path(out, spec.stream, spec.strategy, spec.id))
