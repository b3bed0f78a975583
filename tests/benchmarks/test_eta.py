"""Estimates of what is left, against runs whose pace is known."""

from __future__ import annotations

import pytest
from test_records import record

from benchmarks.eta import Experience, Pace, most_at_once
from benchmarks.position import Position
from benchmarks.record_parts import TaskRecord
from benchmarks.records import RunRecord


def trained(epochs: list[int], *, of: int = 30, tasks: int = 3, first: int = 0) -> Pace:
    """A run seen from task ``first`` on, 2 seconds an epoch, with so many epochs a task."""
    pace, at = Pace(of), 100.0
    for task, count in enumerate(epochs, start=first):
        for epoch in range(count):
            pace.saw(Position(task, epoch, tasks), at)
            at += 2.0
    return pace


def finished(seconds: float, epochs: list[int], status: str = "finished") -> RunRecord:
    tasks = [
        TaskRecord(
            train_s=seconds / len(epochs),
            consolidate_s=0,
            eval_s=0,
            epochs=n,
            trainable_parameters=1,
            state_bytes=0,
            peak_memory_bytes=0,
        )
        for n in epochs
    ]
    return record(tasks=tasks, status=status)


@pytest.mark.parametrize(
    ("pace", "epochs"),
    [
        (trained([]), None),
        (trained([1]), None),  # one moment is no pace
        (trained([2]), 28 + 60),  # all epochs, while no task has ended
        (trained([10, 5]), 5 + 10),  # the task to come will stop early as well
        (trained([10, 15]), 0 + 12.5 - 2.5),
        (trained([2], first=1), 28 + 30),  # resumed in the middle
        (trained([10, 4], first=1), 6),
    ],
)
def test_what_is_left_of_a_run(pace: Pace, epochs: float | None) -> None:
    left = pace.left(pace.last)
    if epochs is None:
        assert left is None
    else:
        assert left == pytest.approx(2 * epochs)
        assert pace.left(pace.last + 3) == pytest.approx(max(0, 2 * epochs - 3))
        assert pace.left(pace.last + 1e6) == 0


def test_what_others_needed_counts_until_a_task_of_ones_own_has_ended() -> None:
    assert trained([2]).left(102.0, typical=12) == pytest.approx(2 * (10 + 24))
    assert trained([10, 5]).left(128.0, typical=99) == pytest.approx(2 * 15)


def test_a_report_that_was_missed_changes_no_pace() -> None:
    """Runs elsewhere are looked at every two seconds, whatever they trained meanwhile."""
    pace = Pace(30)
    for epoch in (0, 4, 7):
        pace.saw(Position(0, epoch, 1), 2.0 * epoch)
    assert pace.epoch_s == pytest.approx(2)
    assert pace.left(14.0) == pytest.approx(2 * 22)


def test_a_sweep_is_known_from_finished_runs_of_the_same_kind() -> None:
    past = Experience()
    assert past.sweep_left({}, ["a"], 1, 0.0) is None
    past.add("a", finished(60, [10, 10, 10]))
    past.add("a", finished(80, [10, 10, 10]))
    past.add("b", finished(1000, [1, 1], status="failed"))
    assert past.sweep_left({}, ["a", "a"], 1, 0.0) == pytest.approx(140)
    assert past.sweep_left({}, ["a", "a"], 1, 0.0, overhead=5) == pytest.approx(150)
    assert past.sweep_left({}, ["a", "a", "a"], 2, 0.0) == pytest.approx(140)
    assert past.sweep_left({}, ["a", "b"], 1, 0.0) == pytest.approx(140), "unknown: as the others"
    assert past.sweep_left({}, [], 2, 0.0) is None


def test_a_sweep_whose_kinds_have_not_finished_is_known_from_those_in_flight() -> None:
    pace = trained([10, 5])
    running = {"x": ("a", pace)}
    whole = 2 * 3 * 10
    assert Experience().sweep_left(running, [], 1, pace.last) == pytest.approx(30)
    assert Experience().sweep_left(running, ["a", "b"], 1, pace.last) == pytest.approx(
        30 + 2 * whole
    )
    assert Experience().sweep_left(running, ["a"], 2, pace.last) == pytest.approx(whole)
    unknown = running | {"y": ("b", trained([1]))}
    assert Experience().sweep_left(unknown, ["a"], 2, pace.last) == pytest.approx(30 + whole)
    assert Experience().sweep_left({"y": unknown["y"]}, ["a"], 2, pace.last) is None


def test_a_run_that_was_just_heard_of_takes_what_its_kind_takes() -> None:
    past, pace = Experience(), trained([1], first=2)
    past.add("a", finished(90, [10, 10, 10]))
    assert past.run_left("a", pace, pace.since + 4) == pytest.approx(90 / 3 - 4)
    assert past.run_left("b", pace, pace.since + 4) is None


def test_spans_that_only_touch_do_not_overlap() -> None:
    assert most_at_once([]) == 0
    assert most_at_once([(0, 2), (2, 3), (1, 4)]) == 2
