"""``DIR/work/<id>/``: what a run writes while it goes, and resumes from."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import sys
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.appending import append, logging_to
from benchmarks.interruptions import is_out_of_memory, no_access, writing
from benchmarks.records import ASIDE, DamagedRecord, RunRecord, partials, write_atomically

if TYPE_CHECKING:
    from benchmarks.protocol import Epoch


def now() -> str:
    """The time as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class WorkDir:
    """The work folder of one run: checkpoint, claim.<number>, trace.csv, log, events.jsonl.

    What cannot be written raises `Interrupted` with its name.
    """

    def __init__(self, out: Path, run_id: str) -> None:
        self.folder = out / "work" / run_id
        self.claim = self.folder / "claim"
        self.checkpoint = self.folder / "checkpoint.pt"
        self.trace = self.folder / "trace.csv"
        self.log = self.folder / "log"
        self.events = self.folder / "events.jsonl"
        self.check_claim: Callable[[], None] = lambda: None
        """Raises `benchmarks.claims.Claimed` where another process has taken over the run."""

    def make(self) -> None:
        """Make the folder."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def clear_the_way(self) -> None:
        """Set aside whatever has taken the name of a file and is none: a pipe would be waited on
        for ever."""
        for path in (self.checkpoint, self.trace, self.log, self.events):
            if os.path.lexists(path) and not path.is_file():
                with writing(path):
                    aside = set_aside(path)
                print(f"{path}: not a file; kept as {aside.name}", file=sys.stderr)

    def event(self, kind: str, **details: Any) -> None:
        """Append a line to events.jsonl: the kind of event, the time, the process."""
        line = {"event": kind, "time": now(), "pid": os.getpid(), **details}
        with writing(self.events):
            append(self.events, json.dumps(line) + "\n")

    def add_epoch(self, epoch: Epoch) -> None:
        """Append an epoch's losses and learning rate to trace.csv."""
        self.check_claim()
        lines = io.StringIO()
        writer = csv.DictWriter(lines, [field.name for field in fields(epoch)], lineterminator="\n")
        with writing(self.trace):
            if not self.trace.exists() or not self.trace.stat().st_size:
                writer.writeheader()
            writer.writerow(asdict(epoch))
            append(self.trace, lines.getvalue())

    def trim_trace(self, tasks_done: int) -> None:
        """Drop the epochs of a task that was interrupted and will be trained again."""
        if not self.trace.exists():
            return
        with writing(self.trace):
            lines = self.trace.read_bytes().splitlines(keepends=True)
            if not lines or not lines[0].endswith(b"\n"):  # killed while it made the file
                self.trace.unlink()
                return
            kept = [line for line in lines[1:] if _task(line) < tasks_done]
            write_atomically(self.trace, b"".join([lines[0], *kept]))

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Write the checkpoint whole, replacing the one of the task before."""
        import torch

        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.check_claim()
        with writing(self.checkpoint):
            write_atomically(self.checkpoint, buffer.getvalue())

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint, None if there is none; one that cannot be read is set aside."""
        import torch

        if not self.checkpoint.exists():
            return None
        try:
            data = whole_archive(self.checkpoint)
            state = torch.load(data, weights_only=True, map_location="cpu")
            if not isinstance(state, dict):
                raise TypeError("no table of values")
        except OSError as error:
            raise no_access(self.checkpoint, error, "read") from error
        except Exception as error:  # torch raises a dozen kinds for a file that is not its own
            if is_out_of_memory(error):
                raise
            self.reject_checkpoint(error)
            return None
        return state

    def reject_checkpoint(self, error: Exception) -> None:
        """Set aside a checkpoint that cannot be used, and say so in the log."""
        with writing(self.checkpoint):
            aside = set_aside(self.checkpoint)
        logging.getLogger(__name__).warning(
            "%s: damaged checkpoint (%s: %s), kept as %s; starting from task 1",
            self.checkpoint,
            type(error).__name__,
            " ".join(str(error).split())[:200],
            aside.name,
        )

    def partials(self) -> list[Path]:
        """Files that a writer has not finished."""
        return list(self.folder.glob(".*.partial"))

    def clean(self, record: Path, *, keep_checkpoint: bool) -> None:
        """Remove what killed writers left behind, and the checkpoint unless it is wanted.

        ``record``: where the run's record lies, or will; only for who holds the claim.
        """
        with writing(self.folder):
            for partial in [*self.partials(), *partials(record)]:
                partial.unlink(missing_ok=True)
            if not keep_checkpoint:
                self.checkpoint.unlink(missing_ok=True)

    def logging(self) -> AbstractContextManager[None]:
        """Send log records and warnings to the run's log while inside."""
        return logging_to(self.log)


def whole_archive(path: Path) -> io.BytesIO:
    """A zip archive once each of its files has the checksum that the archive has for it.

    torch reads the files without that look: one flipped bit would be another weight.
    """
    if not path.is_file():
        raise ValueError("not a file")
    data = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(data) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise ValueError(f"the checksum of {broken} does not fit")
    data.seek(0)
    return data


def _task(line: bytes) -> float:
    """The number that a whole line of the trace begins with; of one cut off it may be another."""
    try:
        if not line.endswith(b"\n"):
            raise ValueError
        return int(line.partition(b",")[0])
    except ValueError:
        return float("inf")


def set_aside(path: Path) -> Path:
    """Rename a damaged file so that nothing reads it again, and keep it for inspection."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}{ASIDE}{number}")):
        number += 1
    path.rename(aside)
    return aside


def read_or_set_aside(path: Path) -> RunRecord | None:
    """The record at ``path``, None if there is none; a damaged one is named and set aside."""
    if not path.exists():
        return None
    try:
        return RunRecord.read(path)
    except DamagedRecord as error:
        with writing(path):
            aside = set_aside(path)
        print(f"{error}; kept as {aside.name}, the run is repeated", file=sys.stderr)
        return None
