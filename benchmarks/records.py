"""What a run leaves behind: one JSON file, written atomically, read without torch."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from benchmarks.errors import BadInput
from benchmarks.integrity import CHECKSUM, decode, id_of, without_checksum
from benchmarks.interruptions import writing
from benchmarks.record_layers import listed_layers, named_layers
from benchmarks.record_parts import Described, Matrix, Percent, TaskRecord, check_matrix
from benchmarks.record_text import lay_out, proven

IMPLIED: dict[str, Any] = {
    "protocol.keep": "best",
    "protocol.track_old_tasks": False,
    "compile": False,
    "channels_last": False,
    "evaluate_on": "test",
    "backbone_args.fast_dropout": False,
    "strategy_args.patch_share": 1.0,
}
"""What a stored spec means that lacks a key. Keys that were added after runs had been stored are no
part of a spec at their default, so that ids stay what they were; see `benchmarks.spec`."""


ASIDE = ".damaged-"
"""Begins what is put behind the name of a damaged file; a number follows."""


class DamagedRecord(BadInput):
    """A record that cannot be read or does not say what a record must say."""


class RunRecord(BaseModel):
    """One run: everything that decided its numbers, and the numbers as measured.

    ``accuracy_matrix[i][j]`` is the test accuracy in percent on task j after training
    task i, null where it was not evaluated (j > i, and every row but the last of `joint`): the
    validation accuracy where the spec has ``evaluate_on`` = ``valid``, as all accuracies below. In
    ``cil`` all classes seen so far compete for the prediction. Metrics are computed from it when
    it is read and are never stored.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    schema_version: Literal[1] = Field(1, alias="schema")
    id: str
    spec: dict[str, Any]
    status: Literal["running", "finished", "failed", "diverged"]
    error: str | None = None
    """The traceback of a failed run; task and epoch of a diverged one."""
    accuracy_matrix: Matrix
    accuracy_matrix_task_aware: Matrix | None = None
    """The same where only the task's own classes compete; in ``cil`` alone."""
    initial_accuracy: list[Percent | None]
    """Accuracy of the untrained net on each task (percent): the reference of FWT. Null in
    ``cil``, as ``forward_accuracy``: classes not seen yet cannot be predicted."""
    forward_accuracy: list[Percent | None]
    """Accuracy on task j just before training on it (percent)."""
    lowest_accuracy: Matrix | None = None
    """[i][j], j < i: the lowest accuracy on task j at the end of any epoch of task i (percent);
    where the spec has ``protocol.track_old_tasks``, see `benchmarks.old_tasks`."""
    tasks: list[TaskRecord]
    keeps_data: bool | None = None
    """Whether the method keeps samples of earlier tasks; null in records older than the field."""
    stream: Described
    """name, classes and samples of each task, data_hash, split_hash."""
    environment: dict[str, Any]
    started: str
    ended: str | None = None
    _has_checksum: bool = PrivateAttr(True)

    @property
    def has_checksum(self) -> bool:
        """Whether the file that it was read from proves its numbers, as `to_json` does; older ones
        do not."""
        return self._has_checksum

    @model_validator(mode="before")
    @classmethod
    def _as_in_memory(cls, data: Any) -> Any:
        return named_layers(without_checksum(data))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for key in ("stream", "strategy"):
            if not isinstance(self.spec.get(key), str):
                raise ValueError(f"spec.{key} is missing")
        if self.id != id_of(self.spec):
            raise ValueError(f"its id is {self.id[:40]}, which is not that of its spec")
        size = len(self.accuracy_matrix)
        check_matrix("accuracy_matrix", self.accuracy_matrix, size)
        if self.accuracy_matrix_task_aware is not None:
            check_matrix("accuracy_matrix_task_aware", self.accuracy_matrix_task_aware, size)
        if self.lowest_accuracy is not None:
            check_matrix("lowest_accuracy", self.lowest_accuracy, size)
        if {len(self.initial_accuracy), len(self.forward_accuracy)} != {size}:
            raise ValueError("initial_accuracy and forward_accuracy need one entry a task")
        return self

    def is_repeated(self, retry: frozenset[str], seen: str | None) -> bool:
        """Whether a sweep is to make it anew: its status is in ``retry``, and it is the record that
        had ``seen`` as its end (None: whichever)."""
        return self.status in retry and seen in (None, self.ended)

    def to_json(self) -> str:
        """The text of its file, see `benchmarks.record_text`.

        What was added to the schema later is left out where there is nothing to say. Layers are
        named once, not in every task: see `benchmarks.record_layers`. The last line is a checksum,
        see `benchmarks.integrity`.
        """
        data = listed_layers(self.model_dump(by_alias=True, mode="json"))
        for key in ("accuracy_matrix_task_aware", "lowest_accuracy", "keeps_data"):
            if data[key] is None:
                del data[key]
        for task in data["tasks"]:
            if task["cpu_s"] is None:
                del task["cpu_s"]
        return lay_out(data)

    def write(self, out: Path) -> Path:
        """Write to ``out/runs/<stream>/<strategy>/<id>.json``, whole or not at all.

        Raises `benchmarks.interruptions.Interrupted` naming the file.
        """
        path = record_path(out, self.spec["stream"], self.spec["strategy"], self.id)
        with writing(path):
            write_atomically(path, self.to_json().encode())
        return path

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The inverse of `to_json`; raises `ValueError` for what no run has written."""
        record = proven(data)
        if record is not None:
            return cls.model_validate(record, strict=True)
        value = decode(data)
        found = cls.model_validate_json(data, strict=True)
        found._has_checksum = isinstance(value, dict) and CHECKSUM in value
        return found

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record; raises `DamagedRecord` naming the file and what is wrong."""
        try:
            # Whatever else has taken its name: to read a pipe would wait for ever.
            if path.exists() and not path.is_file():
                raise DamagedRecord(f"{path}: damaged record (not a file)")
            record = cls.from_json(path.read_bytes())
        except OSError as error:
            raise DamagedRecord(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            what = first_fault(error) if isinstance(error, ValidationError) else str(error)
            raise DamagedRecord(f"{path}: damaged record ({what})") from error
        if record.id != path.stem:
            raise DamagedRecord(f"{path}: damaged record (it says its id is {record.id})")
        return record


def first_fault(error: ValidationError, table: str = "") -> str:
    """The first of pydantic's complaints as one line: where, and what.

    ``table``: the dotted key of what was checked, where users know it by one; then the whole key
    is named, and the value too.
    """
    fault = error.errors(include_url=False, include_input=bool(table))[0]
    where = ".".join(str(part) for part in ([table] if table else []) + list(fault["loc"]))
    if table and fault["type"] != "missing":
        where += f" = {reprlib.repr(fault['input'])}"
    what = " ".join(str(fault["msg"]).split()).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def scenario_of(stream: str) -> str:
    """The scenario that the name of a stream ends in: ``til``, ``cil`` or ``dil``."""
    return stream.rpartition("/")[2]


def record_path(out: Path, stream: str, strategy: str, run_id: str) -> Path:
    """Where the record of a run lies."""
    return out / "runs" / stream / strategy / f"{run_id}.json"


def read_all(out: Path, stream: str = "") -> Iterator[RunRecord | DamagedRecord]:
    """Every record below ``out/runs`` in path order; a damaged one as the error it gives.

    ``stream``: only those of this stream.
    """
    runs = out / "runs" / stream
    of_folder: dict[Path, bool] = {}
    for path in sorted(runs.rglob("*.json")):
        if path.parent not in of_folder:
            inside = path.relative_to(runs).parents
            of_folder[path.parent] = not any(holds_no_records(parent) for parent in inside)
        if not of_folder[path.parent]:
            continue
        try:
            yield RunRecord.read(path)
        except DamagedRecord as error:
            yield error


def holds_no_records(path: Path) -> bool:
    """Whether it is a folder in place of a record, or one that was set aside: nothing below is
    a record."""
    return path.suffix == ".json" or path.suffix.startswith(ASIDE)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old bytes or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def partials(path: Path) -> list[Path]:
    """What killed writers left of a file; of a living one too, where the caller shares it."""
    return list(path.parent.glob(f".{path.name}.*.partial"))
