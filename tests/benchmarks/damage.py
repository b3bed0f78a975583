"""How many damaged files are tried, and what became of them; `make damage` tries a thousand."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections import Counter
from typing import Any
from unittest import mock

import pytest
from mutants import Change

from benchmarks.cli.app import main

MUTANTS = int(os.environ.get("NESS_MUTANTS", "100"))
SHARES = {"records": 0.25, "old records": 0.15, "checkpoints": 0.2, "specs": 0.3, "overrides": 0.1}
COUNTS: dict[str, Counter[str]] = {}

SMALLER = ("backbone_args.hidden=[4]", "stream_args.tasks=2", "protocol.epochs=1")
"""Overrides of `small_runs.SMALL` for a run of a tenth of a second."""


def kinds(changes: dict[str, Change], what: str) -> list[Any]:
    """(kind, how many) as parameters: the share of ``what``, spread over the kinds of damage."""
    share = round(MUTANTS * SHARES[what])
    counts = [share // len(changes) + (n < share % len(changes)) for n in range(len(changes))]
    return [
        pytest.param(kind, count, id=kind)
        for kind, count in zip(changes, counts, strict=True)
        if count
    ]


def count(what: str, how: str) -> None:
    COUNTS.setdefault(what, Counter())[how] += 1


def cli(*arguments: object) -> tuple[Any, str, str]:
    """Exit status, output and errors; anything that is raised but that exit is a traceback."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["benchmarks", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return ended.value.code, out.getvalue(), err.getvalue()


def summary() -> list[str]:
    """A line for each sort of file that this process has tried."""
    return [
        f"{what}: {found.total()} tried: "
        + ", ".join(f"{number} {how}" for how, number in sorted(found.items()))
        for what, found in COUNTS.items()
    ]
