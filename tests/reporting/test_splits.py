"""Runs of one setting on different splits of its images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reporting_records import HAND, MakeRecord, shifted

from benchmarks.reporting.collect import collect
from benchmarks.reporting.splits import unlike_splits
from benchmarks.reporting.tables import write_tables

STREAM = "split_digits/til"


def split(letter: str) -> dict[str, str]:
    return {"data_hash": "d" * 64, "split_hash": letter * 64}


def labels(out: Path) -> list[str]:
    return list(dict.fromkeys(collect(out).of_stream(STREAM)["label"]))


def test_a_method_on_two_splits_has_two_rows_and_a_note(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (0, 1):
        make("ness", seed, described=split("b"))
        make("ness", seed + 2, shifted(HAND, -20), described=split("c"))
        make("ewc", seed, shifted(HAND, -1), described=split("b"))
    assert labels(tmp_path) == [
        "ewc [split_hash=bbbbbbbbbbbb]",
        "ness [split_hash=bbbbbbbbbbbb]",
        "ness [split_hash=cccccccccccc]",
    ]
    write_tables(tmp_path)
    text = (tmp_path / "tables" / "split_digits-til.md").read_text()
    assert (
        "- The runs are on 2 splits of the same images (split_hash bbbbbbbbbbbb, cccccccccccc): "
        "compare rows of the same one alone, or give each set a folder of its own."
    ) in text
    assert "**58.00" not in text


def test_a_split_of_its_own_is_no_fault(make: MakeRecord, tmp_path: Path) -> None:
    # Whatever decides the split differs too: the validation share, the drawn order, the images.
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"stream_args": {"valid_share": 0.1}}, split("a")),
        ({"stream_args": {"valid_share": 0.2}}, split("b")),
        ({"class_order": "per_seed", "class_order_seed": 1}, split("c")),
        ({"class_order": "per_seed", "class_order_seed": 2}, split("d")),
        ({}, split("e")),
        ({}, split("f") | {"data_hash": "0" * 64}),
    ]
    records = [make(spec=spec, described=described) for spec, described in ways]
    assert unlike_splits({record.id: record for record in records}) == {}


def test_records_without_a_hash_stay_in_the_row(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", 1, described=split("b"))
    make("ness", 2, described={"data_hash": "d" * 64})
    make("ness", 3, described=split("b") | {"samples": [[10, 2, 5]] * 3})
    assert labels(tmp_path) == ["ness"]
    make("ness", 4, described=split("c"))
    assert labels(tmp_path) == [
        'ness [split_hash=""]',
        "ness [split_hash=bbbbbbbbbbbb]",
        "ness [split_hash=cccccccccccc]",
    ]
