"""Places in the plane of stability and plasticity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting_records import CUT_OFF, HAND, JOINT, MakeRecord, shifted, square

from benchmarks.record_parts import Matrix
from benchmarks.reporting.figures.plane import equal_acc, misplaced, places, undominated
from benchmarks.reporting.metrics import average_accuracy, backward_transfer, learning_accuracy


def test_means_over_the_runs_that_have_both(make: MakeRecord) -> None:
    runs = {
        "cumulative": [make("cumulative")],
        "ness": [make(), make(matrix=shifted(HAND, 2)), make(matrix=CUT_OFF)],
    }
    bound, ness = places(runs)
    assert (bound.label, bound.competes) == ("cumulative", False)
    assert (ness.label, ness.competes) == ("ness", True)
    # HAND has BWT -21 and LA 92.
    assert (ness.bwt.n, ness.bwt.mean, ness.learned.mean) == (2, -21, 93)
    assert ness.learned.std == pytest.approx(2**0.5)


def test_methods_without_both_have_a_reason_instead(make: MakeRecord) -> None:
    runs = {"joint": [make("joint", matrix=JOINT)], "ness": [make()]}
    assert list(misplaced(runs)) == ["joint"]
    assert misplaced(runs)["joint"]
    assert misplaced({"ness": [make(matrix=[[50.0]])]})["ness"].startswith("with one task")


@given(st.lists(st.lists(st.floats(0, 100), min_size=5, max_size=5), min_size=5, max_size=5))
def test_acc_is_learning_accuracy_plus_what_transfer_leaves_of_it(matrix: Matrix) -> None:
    acc, bwt = average_accuracy(matrix), backward_transfer(matrix)
    assert isinstance(acc, float)
    assert isinstance(bwt, float)
    assert equal_acc(acc, bwt, 5) == pytest.approx(learning_accuracy(matrix))


def test_undominated_is_whom_no_rival_equals_in_one_and_beats_in_the_other(
    make: MakeRecord,
) -> None:
    runs = {
        "cumulative": [make("cumulative", matrix=shifted(HAND, 5))],
        "gpm": [make("gpm", matrix=HAND)],
        "lora": [make("lora", matrix=square(75, bwt=-25.0, tasks=3))],
        "sgp": [make("sgp", matrix=square(78, bwt=-22.0, tasks=3))],
        "naive": [make("naive", matrix=shifted(HAND, -1))],
        "owm": [make("owm", matrix=shifted(HAND, 1e-9))],
    }
    # BWT and LA: gpm and, but for rounding, owm -21 and 92; lora -25 and 91.7; sgp -22 and 92.7;
    # naive -21 and 91. The sum is 71 of gpm and owm, 70.7 of sgp.
    assert [place.label for place in undominated(places(runs))] == ["gpm", "owm", "sgp"]
