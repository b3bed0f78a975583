from __future__ import annotations

import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from reporting_records import MakeRecord

from benchmarks.reporting.collect import collect
from benchmarks.reporting.html.report import write_report
from benchmarks.reporting.short_labels import LONGEST, short_labels, with_short_labels


def test_beginning_and_end_stay_and_none_becomes_another() -> None:
    one, other = (f"ness [tag={'x' * 500}{middle}{'y' * 500}]" for middle in "ab")
    shown = short_labels(["gpm", one, other])
    assert shown["gpm"] == "gpm"
    assert shown[one] == f"ness [tag={'x' * 187} \N{HORIZONTAL ELLIPSIS} {'y' * 39}]"
    assert shown[other] == f"ness [tag={'x' * 183} \N{HORIZONTAL ELLIPSIS} {'y' * 39}] (2)"
    assert len(shown[one]) == len(shown[other]) == LONGEST


@given(st.lists(st.text("ab", min_size=235, max_size=300)))
def test_labels_stay_distinct_and_short(labels: list[str]) -> None:
    shown = short_labels(labels)
    assert shown.keys() == set(labels)
    assert len(set(shown.values())) == len(shown)
    assert all(len(label) <= LONGEST for label in shown.values())


def test_the_runs_stay(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", spec={"strategy_args.tag": "x" * 10_000})
    make("ness", spec={"strategy_args.tag": "y" * 10_000})
    collection = collect(tmp_path)
    short, _ = with_short_labels(collection)
    assert [len(label) for label in short.finished("split_digits/til")] == [LONGEST] * 2
    assert list(short.runs.index) == list(collection.runs.index)
    assert max(map(len, collection.runs["label"])) > 10_000


def test_labels_of_ten_thousand_signs_take_no_room_and_no_time(
    make: MakeRecord, tmp_path: Path
) -> None:
    for number in range(8):
        make("ness", spec={"strategy_args.tag": f"{number}" * 10_000})
    began = time.process_time()
    (path,) = write_report(tmp_path).paths
    assert time.process_time() - began < 20
    text = path.read_text()
    tables = text.partition('<script type="application/json"')[0]
    assert "7" * 100 in tables
    assert "7" * LONGEST not in tables


def test_a_reference_is_named_in_full(make: MakeRecord, tmp_path: Path) -> None:
    for tag in "ab":
        make("ness", spec={"strategy_args.tag": tag * 1000})
    label = str(collect(tmp_path).runs["label"].iloc[1])
    text = write_report(tmp_path, label).paths[0].read_text()
    assert f"Paired tests of {short_labels([label])[label]}" in text
