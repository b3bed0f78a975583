"""Runs to look at twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted

from benchmarks.record_parts import Matrix
from benchmarks.reporting.check import check
from benchmarks.reporting.collect import collect
from benchmarks.reporting.suspicious import suspicions


def described(*classes: int) -> dict[str, object]:
    return {"classes": [[0] * count for count in classes]}


# R[1][1] is 4 points above the chance of two classes, R[2][2] below it.
HARDLY: Matrix = [[90.0, None, None], [95.0, 54.0, None], [60.0, 80.0, 40.0]]


@pytest.mark.parametrize(
    ("scenario", "classes", "said"),
    [
        (
            "til",
            (2, 2, 2),
            ["naive (seed 0): task 2 and 1 more hardly learned: 54.0 % just after "],
        ),
        (
            "dil",
            (2, 2, 2),
            ["naive (seed 0): task 2 and 1 more hardly learned: 54.0 % just after "],
        ),
        # Chance falls with the classes seen: 50, 25, 16.7 %.
        ("cil", (2, 2, 2), []),
        ("til", (10, 10, 10), []),
        ("til", (2, 2), []),
        ("til", (), []),
    ],
)
def test_tasks_that_were_hardly_learned(
    make: MakeRecord, tmp_path: Path, scenario: str, classes: tuple[int, ...], said: list[str]
) -> None:
    stream = f"split_digits/{scenario}"
    make("naive", matrix=HARDLY, stream=stream, described=described(*classes))
    found = suspicions(collect(tmp_path), stream)
    assert len(found) == len(said)
    for line, start in zip(found, said, strict=True):
        assert line == f"{start}training on it, chance is 50.0 %"


def test_a_run_without_a_diagonal_is_not_suspicious(make: MakeRecord, tmp_path: Path) -> None:
    make("joint", matrix=JOINT, described=described(2, 2, 2))
    assert suspicions(collect(tmp_path), "split_digits/til") == []


def test_failed_and_diverged_runs_are_suspicious(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", 0, CUT_OFF, status="failed", error="Traceback\nKeyError: 'fc1'")
    make("lora", 1, CUT_OFF, status="diverged", error="NaN loss in task 2")
    checked = check(tmp_path)
    assert "  gpm (seed 0) failed: KeyError: 'fc1'\n" in checked.text
    assert "  lora (seed 1) diverged: NaN loss in task 2" in checked.text
    assert checked.off == 0


def test_null_space_methods_have_to_beat_frozen_in_the_same_setting(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("frozen", matrix=HAND)
    make("ness", matrix=HAND, spec={"optimizer.lr": 0.1})
    make("gpm", matrix=shifted(HAND, 1))
    make("naive", matrix=shifted(HAND, -1))
    for other in ({"backbone.width": 8}, {"protocol.eval_batch_size": 8}, {"stream_args.tasks": 3}):
        make("sgp", matrix=shifted(HAND, -1), spec=other)
    (line,) = suspicions(collect(tmp_path), "split_digits/til")
    assert line.startswith("ness: ACC 78.00 is not above that of frozen, 78.00: its trunk adds")
    assert line.endswith("(frozen too, or forgetting)")


def test_frozen_on_other_images_is_no_floor(make: MakeRecord, tmp_path: Path) -> None:
    make("frozen", matrix=HAND, described={"data_hash": "a" * 64})
    make("gpm", matrix=shifted(HAND, -1), described={"data_hash": "b" * 64})
    assert suspicions(collect(tmp_path), "split_digits/til") == []


def test_a_method_with_a_schedule_of_its_own_has_to_beat_frozen_too(
    make: MakeRecord, tmp_path: Path
) -> None:
    make("frozen", matrix=HAND)
    own = {"protocol.epochs": 80, "protocol.keep": "last"}
    make("adam_nscl", matrix=shifted(HAND, -1), spec=own)
    make("sgp", matrix=shifted(HAND, -1), spec={"protocol.keep": "best"})
    nscl, sgp = suspicions(collect(tmp_path), "split_digits/til")
    assert nscl.startswith("adam_nscl: ACC 77.00 is not above that of frozen, 78.00: ")
    assert nscl.endswith(
        "; their schedules differ: protocol.epochs 80 against 30, protocol.keep last against best"
    )
    assert "schedules" not in sgp


def test_frozen_of_the_same_schedule_is_what_counts(make: MakeRecord, tmp_path: Path) -> None:
    make("frozen", matrix=HAND)
    make("frozen", matrix=shifted(HAND, -9), spec={"protocol.epochs": 3})
    make("gpm", matrix=shifted(HAND, -1), spec={"protocol.epochs": 3})
    assert suspicions(collect(tmp_path), "split_digits/til") == []
