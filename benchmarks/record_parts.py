"""The parts of a record, within limits that those who read records rely on: a matrix that is
square, classes that can be counted, numbers that can be summed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, lt=2**63)]
Seconds = Annotated[float, Field(ge=0, le=1e10)]
Ratio = Annotated[float, Field(ge=0, le=1e100)]
"""Limits that no run reaches, and at which sums and squares are still finite."""

Percent = float
Matrix = list[list[Percent | None]]


class TaskRecord(BaseModel):
    """What one training task cost and measured."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    train_s: Seconds
    """Wall seconds of training, validation passes included."""
    consolidate_s: Seconds
    """Wall seconds the method spent before and after training: bases, merge, moments."""
    eval_s: Seconds
    cpu_s: Seconds | None = None
    """CPU seconds of the process in all of that, system calls and every thread included; None in
    records older than the field."""
    epochs: Count
    best_epoch: Count | None = None
    """The epoch, from 1, whose weights were kept; see `protocol.keep`."""
    trainable_parameters: Count
    """Numbers the optimiser could move in this task, the current head included."""
    state_bytes: Count
    """Bytes the method keeps for later tasks, the model itself excluded; with the raw images
    and labels where the harness keeps the data for it (`cumulative`, `joint`)."""
    peak_memory_bytes: Count
    """Peak resident memory of the process so far, libraries and earlier runs in it included; on a
    GPU what was allocated there since this attempt began."""
    ranks: dict[str, Count] = {}
    """Input directions along which each layer could move in this task (of LoRA: the rank of
    its update); absent where unconstrained."""
    interference: dict[str, Ratio] = {}
    """sqrt(tr(dW M dW^T) / tr(W0 M W0^T)) of each layer; absent where not measured."""
    interference_bound: dict[str, Ratio] = {}
    """threshold * ||U||_F over the same denominator."""


class _Described(BaseModel):
    """What is read of a record's ``stream``; see `benchmarks.streams.stream.Stream.describe`."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: str = ""
    classes: list[Annotated[list[Count], Field(min_length=1)]] = []
    samples: list[list[Count]] = []
    data_hash: str = ""
    split_hash: str = ""


def _described(stream: dict[str, Any]) -> dict[str, Any]:
    _Described.model_validate(stream)
    return stream


Described = Annotated[dict[str, Any], AfterValidator(_described)]


def check_matrix(name: str, matrix: Matrix, size: int) -> None:
    """Raise `ValueError` unless it is ``size`` x ``size`` percentages, or null."""
    if {len(matrix), *map(len, matrix)} - {size}:
        raise ValueError(f"{name} is not square, or not of one size with the other")
    known = [value for row in matrix for value in row if value is not None]
    for value in (min(known), max(known)) if known else ():
        if not 0 <= value <= 100:
            raise ValueError(f"accuracy {value} is not a percentage")
