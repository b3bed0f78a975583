"""A sweep: expand the spec, drop what is finished, execute the rest, count how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path

from benchmarks import executors
from benchmarks.claims import Claimed
from benchmarks.preflight import check_all
from benchmarks.progress import SweepProgress
from benchmarks.records import RunRecord, record_path
from benchmarks.spec import RunSpec
from benchmarks.workdir import prepare, read_or_set_aside


def sweep(
    specs: Sequence[RunSpec],
    out: Path,
    *,
    workers: int = 1,
    data_dir: Path | None = None,
    retry: frozenset[str] = frozenset(),
) -> Counter[str]:
    """Execute the specs that have no record below ``out`` yet; statuses of all of them.

    Every spec is checked before the first is trained. ``retry``: statuses ("failed",
    "diverged") whose runs are executed again. Raises `BadInput` for a spec or folder that
    cannot be used, `KeyboardInterrupt` on Ctrl-C.
    """
    executor = executors.make(workers)
    prepare(out)
    found = {
        spec.id: record
        for spec in specs
        if (record := _record(spec, out)) is not None and record.status not in retry
    }
    todo = [spec for spec in specs if spec.id not in found]
    check_all(todo, out, data_dir)
    result = Counter(str(record.status) for record in found.values())
    with SweepProgress(len(specs), already=len(specs) - len(todo)) as progress:
        pending: dict[Future[str], RunSpec] = {}
        try:
            for spec in todo:
                future = executor.submit(executors.Job(spec, out, data_dir, retry), progress.epoch)
                if future.done():
                    result[_outcome(future, spec, progress)] += 1
                else:
                    pending[future] = spec
            for future in as_completed(pending):
                result[_outcome(future, pending[future], progress)] += 1
        finally:
            executor.stop()
    return result


def _outcome(future: Future[str], spec: RunSpec, progress: SweepProgress) -> str:
    """How a run ended; one that left no record (killed, claimed, disk full) is interrupted."""
    try:
        status = message = future.result()
    except (executors.WorkerDied, Claimed, OSError) as error:
        status, message = "interrupted", f"interrupted: {error}"
    progress.end(spec, message)
    return status


def _record(spec: RunSpec, out: Path) -> RunRecord | None:
    return read_or_set_aside(record_path(out, spec.stream, spec.strategy, spec.id))
