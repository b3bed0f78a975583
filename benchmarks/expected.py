"""``DIR/.sweeps/``: which runs the sweeps on a folder are to make, so that ``status`` knows what is
missing. Removing it forgets them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.interruptions import Interrupted
from benchmarks.records import write_atomically
from benchmarks.spec import RunSpec

_FOLDER = ".sweeps"


@dataclass(frozen=True)
class Expected:
    """A run that a sweep was to make."""

    stream: str
    strategy: str
    seed: int


def expect(specs: Sequence[RunSpec], out: Path) -> None:
    """Write down the runs of a sweep, beside those of other sweeps on the folder.

    Where that cannot be written the sweep goes on, and nothing is missed.
    """
    runs = {spec.id: [spec.stream, spec.strategy, spec.seed] for spec in specs}
    name = hashlib.sha256(" ".join(sorted(runs)).encode()).hexdigest()[:12]
    with suppress(OSError, Interrupted):
        write_atomically(out / _FOLDER / f"{name}.json", json.dumps(runs, indent=0).encode())


def expected(out: Path) -> dict[str, Expected]:
    """The runs of all sweeps so far by id; files that are not as written count for nothing."""
    found: dict[str, Expected] = {}
    for path in sorted((out / _FOLDER).glob("*.json")):
        with suppress(OSError, ValueError, TypeError, AttributeError):
            if path.is_file():
                runs = json.loads(path.read_bytes())
                found |= {
                    run: Expected(str(stream), str(strategy), int(seed))
                    for run, (stream, strategy, seed) in runs.items()
                }
    return found
