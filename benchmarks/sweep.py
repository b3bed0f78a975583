"""A sweep: expand the spec, drop what is finished, execute the rest, count how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path

from benchmarks import executors
from benchmarks.claims import Claimed
from benchmarks.progress import SweepProgress
from benchmarks.records import record_path
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
    from benchmarks.run import check

    executor = executors.make(workers)
    prepare(out)
    found = {spec.id: _status(spec, out) for spec in specs}
    todo = [spec for spec in specs if (status := found[spec.id]) is None or status in retry]
    for spec in {spec.strategy: spec for spec in todo}.values():
        check(spec, data_dir)
    statuses = Counter(found[spec.id] for spec in specs if spec not in todo)
    result = Counter({status: n for status, n in statuses.items() if status is not None})
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


def _status(spec: RunSpec, out: Path) -> str | None:
    record = read_or_set_aside(record_path(out, spec.stream, spec.strategy, spec.id))
    return None if record is None else record.status
