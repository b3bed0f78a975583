"""Paired timing on a clock that stands still until it is moved."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable

import pytest

from benchmarks.speed.paired import Side, ratio, rounds, timed


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def takes(self, seconds: float, log: list[str] | None = None, name: str = "") -> Side:
        """A side of so many seconds."""

        def side() -> float:
            if log is not None:
                log.append(name)
            self.now += seconds
            return seconds

        return side


def test_every_side_runs_once_a_round_in_a_rotating_order() -> None:
    clock, log = FakeClock(), list[str]()
    sides = {name: clock.takes(1.0, log, name) for name in "abc"}
    times = rounds(sides, budget_s=1000, most=4, warm_up=1, clock=clock)
    assert [len(seconds) for seconds in times.values()] == [4, 4, 4]
    assert ["".join(log[i : i + 3]) for i in range(0, 15, 3)] == ["cab", "abc", "bca", "cab", "abc"]


@pytest.mark.parametrize(("budget", "expected"), [(0.0, 5), (35.0, 10), (1e9, 30)])
def test_as_many_rounds_as_the_budget_has_room_for(budget: float, expected: int) -> None:
    clock = FakeClock()
    sides = {"a": clock.takes(1.0), "b": clock.takes(2.0)}
    times = rounds(sides, budget_s=budget, least=5, most=30, warm_up=1, clock=clock)
    assert len(times["a"]) == expected


def test_a_load_that_slows_both_sides_down_leaves_the_ratio() -> None:
    loads, calls = [1.0, 7.0, 1.0, 3.0, 20.0, 2.0, 1.0], [0]

    def under_load(seconds: float) -> float:
        calls[0] += 1
        return seconds * loads[(calls[0] - 1) // 2]

    sides = {"plain": lambda: under_load(2.0), "ours": lambda: under_load(3.0)}
    times = rounds(sides, budget_s=1e9, most=7, warm_up=0)
    assert sorted(times["plain"]) == sorted(2.0 * load for load in loads)
    found = ratio(times["ours"], times["plain"])
    assert (found.median, found.low, found.high) == (1.5, 1.5, 1.5)


def test_garbage_is_not_collected_within_a_round() -> None:
    enabled: list[bool] = []

    def side() -> float:
        enabled.append(gc.isenabled())
        return 1.0

    assert gc.isenabled()
    rounds({"a": side}, budget_s=0, least=3)
    assert enabled == [False] * 4
    assert gc.isenabled()
    with pytest.raises(RuntimeError):
        rounds({"a": _raises}, budget_s=0)
    assert gc.isenabled()


def _raises() -> float:
    raise RuntimeError


def test_timed_takes_the_mean_of_the_calls_that_count() -> None:
    clock, calls, waits = FakeClock(), list[float](), list[float]()
    durations = iter([50.0, 1.0, 3.0])

    def action() -> None:
        seconds = next(durations)
        calls.append(seconds)
        clock.now += seconds

    wait: Callable[[], object] = lambda: waits.append(clock.now)  # noqa: E731
    side = timed(action, times=2, untimed=1, synchronise=wait, clock=clock)
    assert side() == 2.0
    assert waits == [150.0, 154.0]


def test_median_and_interval_of_known_ratios() -> None:
    values = [1.0 + i / 100 for i in range(41)]
    found = ratio(values, [1.0] * 41)
    assert found.median == statistics.median(values)
    assert found.rounds == 41
    # Order statistics 14 and 28 bound the median of 41 with 97.2 %, 15 and 27 with 94 %.
    assert values[13] <= found.low <= values[15]
    assert values[25] <= found.high <= values[27]
    assert ratio(values, [1.0] * 41) == found


def test_rounds_that_no_spread_can_be_told_of_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        ratio([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="the same number"):
        ratio([1.0] * 4, [1.0] * 5)
