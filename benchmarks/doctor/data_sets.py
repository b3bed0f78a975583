"""The data folder and what is in it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from benchmarks.doctor.checks import Check, note, off, ok
from benchmarks.doctor.children import run_inside
from benchmarks.doctor.places import check_folder

PATIENCE = 30.0
ROOM = 5.0
"""GB: the downloads and caches of all data sets."""


def check_data(data: Path | None) -> Iterator[Check]:
    """The data folder, then one check a data set: cached, or how to get it."""
    words = [] if data is None else [str(data)]
    _, results, end = run_inside(["data", *words], PATIENCE)
    result = results.get("data", {"error": end})
    if result["error"]:
        way = "mend what is off above, or name another folder with --data"
        yield off("data folder", f"cannot be listed: {result['error'][:300]}", way)
        return
    folder = Path(result["folder"])
    yield check_folder("data folder", folder, ROOM, "name another with --data DIR or NESS_DATA")
    option = f"--data {shlex.quote(str(folder))}"
    for name, cached, detail, by_hand in result["sets"]:
        if cached:
            yield ok(f"data {name}", detail)
            continue
        found = detail.partition("; ")[0]
        fetch = f"run: python -m benchmarks data fetch {name} {option}"
        listing = f"by hand: python -m benchmarks data list {option} says how"
        yield note(f"data {name}", found, listing if by_hand else fetch)
