"""``speed.json``: ratios as measured, and where."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmarks.environment import describe
from benchmarks.errors import BadInput
from benchmarks.integrity import decode
from benchmarks.interruptions import writing
from benchmarks.records import first_fault, write_atomically
from benchmarks.speed.paired import Ratio
from benchmarks.speed.quantities import NETS, QUANTITIES, bounds

M = TypeVar("M", bound=BaseModel)

MOVING = ("load_average", "git_dirty")
"""What may differ between two measurements of one file: `Measured.merge` has the sum of both."""


class Entry(BaseModel):
    """One ratio, see `benchmarks.speed.paired.Ratio`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    median: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)
    rounds: int = Field(ge=1)
    seconds: dict[str, float]
    """Median seconds of its two sides, by name; the numerator first."""

    @classmethod
    def of(cls, ratio: Ratio, seconds: Mapping[str, float]) -> Self:
        """Rounded to what a file is read for: five digits."""
        short = {key: _short(getattr(ratio, key)) for key in ("median", "low", "high")}
        sides = {name: _short(value) for name, value in seconds.items()}
        return cls(**short, rounds=ratio.rounds, seconds=sides)


class Timed(BaseModel):
    """A net that was timed, see `benchmarks.speed.nets.Net.describe`."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    input_shape: list[int]
    tasks: int
    classes: int
    samples: int
    loop_samples: int
    ranks_from: str
    ranks: dict[str, int]


class Measured(BaseModel):
    """All ratios of one environment; those that were asked for and not measured are ``missing``."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    made_by: ClassVar[str] = "speed"
    """The command that writes it."""

    environment: dict[str, Any]
    """`benchmarks.environment.describe`, and ``load_average`` of a minute when it began: other
    work on the machine."""
    ratios: dict[str, Entry] = {}
    missing: list[str] = []
    nets: dict[str, Timed] = {}
    """What was timed: sizes, and the ranks that NESS left each layer."""
    goals: dict[str, dict[str, float | None]] = {}
    """For readers of the file: what the ratios in it are to be at most."""

    @model_validator(mode="after")
    def _is_of_today(self) -> Self:
        self.check_names()
        return self

    def check_names(self) -> None:
        """Raise `ValueError` for what is not measured any more: no table has a place for it."""
        for name, entry in self.ratios.items():
            quantity, _, net = name.partition("/")
            if quantity not in QUANTITIES or net not in QUANTITIES[quantity].nets:
                raise ValueError(f"ratio {name!r} is none that is measured today")
            sides = QUANTITIES[quantity].numerator, QUANTITIES[quantity].denominator
            if not set(sides) <= set(entry.seconds):
                raise ValueError(f"ratio {name!r} lacks the seconds of {' or '.join(sides)}")
        for net in self.nets:
            if net not in NETS:
                raise ValueError(f"net {net!r} is none that is measured today")

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        self.goals = {name: asdict(bound) for name, bound in bounds() if name in self.ratios}
        with writing(path):
            write_atomically(path, (json.dumps(self.model_dump(), indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; raises `BadInput` naming it where it cannot be used."""
        return read_file(cls, path, cls.made_by)

    def merge(self, earlier: Measured, path: Path) -> None:
        """Take over what an earlier file has: a ratio stays until it has been measured again.

        Raises `BadInput` where it was measured elsewhere, or with other code.
        """
        before, now = earlier.environment, self.environment
        keys = [*before, *(key for key in now if key not in before)]
        differing = [k for k in keys if k not in MOVING and before.get(k) != now.get(k)]
        if differing:
            raise BadInput(
                f"{path}: measured with another {', '.join(differing)}: ratios of both do not "
                f"belong in one file; measure all again, or give another --out"
            )
        self.environment |= {
            "git_dirty": bool(before.get("git_dirty")) or bool(now.get("git_dirty")),
            "load_average": max(_load(before), _load(now)),
        }
        self.ratios, self.nets = earlier.ratios | self.ratios, earlier.nets | self.nets
        wanted = dict.fromkeys([*earlier.missing, *self.missing])
        self.missing = [name for name in wanted if name not in self.ratios]


def read_file(model: type[M], path: Path, command: str) -> M:
    """A file of measurements that ``command`` made; `BadInput` names it where it cannot be used."""
    try:
        return model.model_validate(decode(path.read_bytes()))
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read ({error.strerror}); `python -m benchmarks {command}` makes it"
        ) from error
    except ValueError as error:
        what = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise BadInput(f"{path}: damaged ({what}); move it away and measure again") from error


def environment(device: str, threads: int) -> dict[str, Any]:
    """Where it is measured now."""
    return describe(device, threads) | {"load_average": round(os.getloadavg()[0], 2)}


def _load(environment: Mapping[str, Any]) -> float:
    value = environment.get("load_average", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def _short(value: float) -> float:
    return float(f"{value:.5g}")
