"""What the user asks of SLURM, checked before a line of a script is written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from benchmarks.errors import BadInput

Value = str | int | float | bool

OURS = frozenset(
    {
        "array",
        "chdir",
        "error",
        "open-mode",
        "output",
        "requeue",
        "no-requeue",
        "signal",
        "time",
        "wrap",
    }
)
"""Options of sbatch that the executor sets itself."""


def directives(options: Mapping[str, Value | None]) -> dict[str, Value]:
    """Those of submitit's parameters that were given, each fit for a line of its own.

    Raises `BadInput` for a value that sbatch would not read as it is written.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        _check(name, value)
    return given


def further(options: Mapping[str, Value]) -> dict[str, Value]:
    """Further options of sbatch by their long names; true for one without a value.

    Raises `BadInput` for a name that is none, or the executor's own, and for a value as above.
    """
    checked = {}
    for given, value in options.items():
        name = given.replace("_", "-")
        where = f"additional.{given}"
        if re.fullmatch(r"[a-z][a-z-]*", name) is None:
            raise BadInput(f"--option {where}: write a long option of sbatch, e.g. additional.nice")
        if name in OURS:
            raise BadInput(f"--option {where}: the executor sets it; leave it out")
        if value is False:
            raise BadInput(f"--option {where}=false: leave it out, or give its opposite")
        _check(where, value)
        checked[name] = value
    return checked


def _check(name: str, value: Value) -> None:
    if not isinstance(value, str):
        return
    if not value or not value.isprintable() or "\\" in value:
        raise BadInput(
            f"--option {name}={value!r}: sbatch takes one line of printable text without a "
            f"backslash there"
        )
