"""What is left of a run whose process was killed between its record and its end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from benchmarks.claims import Claimed, claim, is_released
from benchmarks.interruptions import Interrupted
from benchmarks.records import RunRecord, partials, record_path
from benchmarks.workdir import WorkDir


def tidy(record: RunRecord, out: Path) -> None:
    """Remove checkpoint and half-written files of a run that has a record, release its claim.

    No run does: whose record is there is not begun again. The checkpoint of a failed run stays,
    for ``--retry``; so does everything while a process is at the run.
    """
    work = WorkDir(out, record.id)
    path = record_path(out, record.spec["stream"], record.spec["strategy"], record.id)
    failed = record.status == "failed"
    spent = work.checkpoint.exists() and not failed
    if spent or not is_released(work.claim) or partials(path) or work.partials():
        with suppress(Claimed, OSError, Interrupted), claim(work.claim):
            work.clean(path, keep_checkpoint=failed)
