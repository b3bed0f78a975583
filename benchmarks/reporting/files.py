"""The files that reporting writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Written:
    """What was written, what the user should know, and what to print."""

    paths: list[Path] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    """A line each: damaged records that were skipped, methods that could not be drawn."""
    skipped: int = 0
    """How many of the messages, the first ones, are records that could not be used."""
    headline: str = ""
    """Plain text for the terminal."""


def stale(folder: Path, name: str, written: Iterable[Path]) -> list[Path]:
    """The files of a folder whose whole name matches the pattern and that were not ``written`` now:
    of runs that have gone since. By name; none where there is no such folder."""
    kept = set(written)
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in found if re.fullmatch(name, p.name) and p not in kept and p.is_file())


def remove(paths: Iterable[Path]) -> list[str]:
    """Delete stale files; a line each."""
    lines = []
    for path in paths:
        path.unlink()
        lines.append(f"removed: {path} (the runs give no such file any more)")
    return lines


def stems(streams: Iterable[str]) -> dict[str, str]:
    """A file name for each stream, without suffix: `split_digits/til` is `split_digits-til`.

    Streams that would share a file are numbered, so that none overwrites another.
    """
    chosen: dict[str, str] = {}
    for stream in sorted(streams):
        stem = re.sub(r"[^\w.-]+", "-", stream).strip(".-") or "stream"
        taken = set(chosen.values())
        names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
        chosen[stream] = next(name for name in names if name not in taken)
    return chosen
