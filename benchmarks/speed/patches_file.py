"""``patches.json``: bases from sampled windows beside the exact ones. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.interruptions import writing
from benchmarks.records import write_atomically
from benchmarks.speed.speed_file import Entry, read_file

FILE = "patches.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Angles(_Part):
    """Of all principal angles between two spaces, in degrees."""

    median: float = Field(ge=0, le=90)
    largest: float = Field(ge=0, le=90)


class Draw(_Part):
    """The basis of one draw of windows, beside that of all windows."""

    rank: int = Field(ge=0)
    """Free directions."""
    leak: float = Field(ge=0)
    """How strongly the inputs of all windows use them, see `benchmarks.speed.subspaces.leak`."""
    least: float = Field(ge=0)
    """What a basis of this rank leaks at least."""
    free: Angles | None
    """Between both free spaces; null where one of them is empty."""
    protected: Angles | None
    """Between both complements, likewise."""


class Basis(_Part):
    """One layer at one ``eps``: the exact basis, and for each share those of its draws."""

    layer: str
    eps: float = Field(gt=0)
    rank: int = Field(ge=0)
    leak: float = Field(ge=0)
    draws: dict[str, list[Draw]]
    """By share, ``"0.25"`` for a quarter of the windows, in the order of `Patches.seeds`."""


class LayerSize(_Part):
    """What a convolution sees."""

    inputs: int = Field(ge=1)
    """d, the inputs of one output."""
    windows: int = Field(ge=1)
    """Of the whole task."""


class Patches(_Part):
    """All bases of one net, and what taking the moments cost."""

    environment: dict[str, Any]
    """`benchmarks.speed.speed_file.environment`."""
    spec: dict[str, Any]
    """Of the run whose first task was trained."""
    data_hash: str
    seeds: list[int]
    """Of the draws."""
    layers: dict[str, LayerSize]
    bases: list[Basis]
    seconds: dict[str, Entry]
    """By share: the moments pass of all layers with that share / with all windows."""

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        with writing(path):
            write_atomically(path, (json.dumps(self.model_dump(), indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; raises `BadInput` naming it where it cannot be used."""
        return read_file(cls, path, "patches")
