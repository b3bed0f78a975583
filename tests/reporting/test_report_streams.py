from __future__ import annotations

from pathlib import Path

from reporting_records import CUT_OFF, MakeRecord

from benchmarks.reporting.collect import collect
from benchmarks.reporting.figures.plots import looks_of
from benchmarks.reporting.html.streams import section
from benchmarks.reporting.published import read_published

STREAM = "split_digits/til"


def test_every_row_knows_its_runs(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", spec={"strategy_args.eps": 0.1})
    make("ness", 1, spec={"strategy_args.eps": 0.2})
    make("gpm", 0)
    make("gpm", 1, CUT_OFF, status="failed", error="x", tasks=[])
    make("gpm", 2, CUT_OFF, status="diverged", error="x", tasks=[])
    collection = collect(tmp_path)
    found = section(collection, STREAM, "stem", looks_of(collection), read_published())
    assert found.targets == {
        "gpm": ("gpm", "finished"),
        "gpm: failed (seed 1)": ("gpm", "failed"),
        "gpm: diverged (seed 2)": ("gpm", "diverged"),
        "ness [strategy_args.eps=0.1]": ("ness [strategy_args.eps=0.1]", "finished"),
        "ness [strategy_args.eps=0.2]": ("ness [strategy_args.eps=0.2]", "finished"),
    }
    labels = set(collection.of_stream(STREAM)["label"])
    assert {label for label, _ in found.targets.values()} == labels
    assert any("gpm (seed 1) failed" in line for line in found.suspicious)
