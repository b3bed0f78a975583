"""Which row the others are tested against."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, MakeRecord

from benchmarks.errors import BadInput
from benchmarks.reporting.collect import collect
from benchmarks.reporting.reference import check_reference, reference_of

STREAM = "split_digits/til"


def test_ness_is_the_reference_and_a_variant_where_it_is_absent(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("gpm")
    make("ness_sam")
    assert reference_of(collect(tmp_path), STREAM) == ("ness_sam", [])
    make("ness")
    assert reference_of(collect(tmp_path), STREAM) == ("ness", [])


def test_the_first_of_several_rows_is_noted(make: MakeRecord, tmp_path: Path) -> None:
    for eps in (0.01, 0.001):
        make("ness", spec={"strategy_args": {"eps": eps}})
    label, notes = reference_of(collect(tmp_path), STREAM)
    assert label == "ness [strategy_args.eps=0.001]"
    assert notes == [
        "The reference is the first of 2 rows of NESS. Choose a row with `--reference LABEL`."
    ]


def test_no_finished_run_is_no_reference(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm")
    make("ness", matrix=CUT_OFF, status="failed", error="KeyError")
    label, notes = reference_of(collect(tmp_path), STREAM)
    assert label is None
    assert notes[0].startswith("No paired tests: no finished run of ness.")
    label, notes = reference_of(collect(tmp_path), STREAM, "ness")
    assert label is None
    assert notes[0] == f"ness has no finished run on {STREAM}."


def test_a_label_has_to_be_known_in_one_stream(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    make("gpm", stream="split_digits/dil")
    make("ness", stream="split_digits/dil")
    collection = collect(tmp_path)
    for known in (None, "gpm", "ness"):
        check_reference(collection, known)
    assert reference_of(collection, "split_digits/dil", "gpm") == ("gpm", [])
    label, notes = reference_of(collection, STREAM, "gpm")
    assert (label, notes) == ("ness", [f"gpm has no finished run on {STREAM}."])
    with pytest.raises(BadInput, match="--reference nes: no such row; did you mean 'ness'"):
        check_reference(collection, "nes")


def test_runs_in_progress_alone_have_no_labels(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", status="running", matrix=CUT_OFF)
    with pytest.raises(BadInput, match="--reference ness: no such row"):
        check_reference(collect(tmp_path), "ness")
