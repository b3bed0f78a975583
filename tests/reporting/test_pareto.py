"""Which methods are on the Pareto front, and where they lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted, task

from benchmarks.reporting.figures.pareto import Point, front, levels, points
from benchmarks.reporting.stats import summarise

# Few values, so that ties in cost, in accuracy and in both are common.
COORDINATES = st.lists(
    st.tuples(st.integers(0, 5).map(float), st.integers(0, 5).map(float), st.booleans()),
    max_size=12,
)


def made(coordinates: list[tuple[float, float, bool]]) -> list[Point]:
    return [
        Point(f"m{number}", cost, summarise([acc]), competes)
        for number, (cost, acc, competes) in enumerate(coordinates)
    ]


@given(COORDINATES)
def test_the_front_is_what_no_rival_beats(coordinates: list[tuple[float, float, bool]]) -> None:
    given_points = made(coordinates)
    best = front(given_points)
    rivals = [point for point in given_points if point.competes]
    assert all(point in rivals for point in best)
    assert bool(best) == bool(rivals)
    for point in rivals:
        beaten = any(
            (other.cost < point.cost and other.acc.mean >= point.acc.mean)
            or (other.cost <= point.cost and other.acc.mean > point.acc.mean)
            for other in rivals
        )
        assert (point in best) == (not beaten)
    steps = [(point.cost, point.acc.mean) for point in best]
    assert steps == sorted(steps)
    assert [acc for _, acc in steps] == sorted(acc for _, acc in steps)


@given(COORDINATES, st.randoms())
def test_the_order_of_the_methods_does_not_matter(
    coordinates: list[tuple[float, float, bool]], random
) -> None:
    given_points = made(coordinates)
    other = list(given_points)
    random.shuffle(other)
    assert front(given_points) == front(other)


def test_equal_points_are_both_on_the_front() -> None:
    assert len(front(made([(1.0, 50.0, True), (1.0, 50.0, True), (2.0, 50.0, True)]))) == 2


def test_points_are_medians_over_tasks_and_means_over_seeds(make: MakeRecord) -> None:
    def tasks(first: float, state: int) -> list:
        return [task(train_s=first), task(train_s=3.5), task(train_s=1.5, state_bytes=state)]

    runs = {
        "ness": [
            make("ness", 0, HAND, tasks=tasks(100.0, 10)),
            make("ness", 1, shifted(HAND, 2), tasks=tasks(2.5, 30)),
        ],
        "cumulative": [make("cumulative")],
        "joint": [make("joint", matrix=JOINT, tasks=[task()])],
        "gpm": [make("gpm", matrix=CUT_OFF)],
    }
    ness, cumulative = points(runs, "seconds_per_task")
    # Medians of 100.5, 4, 2 and of 3, 4, 2.
    assert (ness.label, ness.cost, ness.acc.mean, ness.competes) == ("ness", 3.5, 79, True)
    assert (cumulative.label, cumulative.competes) == ("cumulative", False)
    assert [point.cost for point in points(runs, "final_state_bytes")] == [20, 2048]
    assert {label: acc.mean for label, acc in levels(runs).items()} == {"joint": 97}
