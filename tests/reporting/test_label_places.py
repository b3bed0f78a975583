"""Where names go beside crowded markers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reporting.figures.label_places import Scene, gaps, overlaps, place

BOUNDS = (0.0, 0.0, 1000.0, 800.0)
NO_LINES = np.empty((0, 2))


def scene(middles: list[tuple[float, float]], lines: np.ndarray = NO_LINES) -> Scene:
    at = np.array(middles, dtype=float)
    return Scene(BOUNDS, np.hstack([at - 5, at + 5]), lines)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1000), st.integers(0, 800)), min_size=1, max_size=8, unique=True
    )
)
def test_names_stay_inside_and_apart_and_where_they_were(middles: list[tuple[int, int]]) -> None:
    sizes = np.array([[60.0, 12.0]] * len(middles))
    corners = place(sizes, 12.0, scene(middles))
    boxes = np.hstack([corners, corners + sizes])
    assert (boxes[:, :2] >= -1e-9).all()
    assert (boxes[:, 2:] <= np.array([1000, 800]) + 1e-9).all()
    assert overlaps(boxes, boxes).sum() == len(middles), "each covers itself alone"
    assert np.array_equal(corners, place(sizes, 12.0, scene(middles)))


def test_a_lone_name_is_beside_its_marker() -> None:
    sizes = np.array([[60.0, 12.0]])
    corners = place(sizes, 12.0, scene([(500, 400)]))
    boxes = np.hstack([corners, corners + sizes])
    ((distance,),) = gaps(boxes, scene([(500, 400)]).markers)
    assert 5 <= distance < 12
    assert not overlaps(boxes, scene([(500, 400)]).markers).any()


def test_a_line_is_avoided_where_there_is_room() -> None:
    sizes = np.array([[60.0, 12.0]])
    lone = scene([(500, 400)])
    (corner,) = place(sizes, 12.0, lone)
    along = np.column_stack(
        [np.linspace(corner[0], corner[0] + 60, 30), np.full(30, corner[1] + 6)]
    )
    (moved,) = place(sizes, 12.0, scene([(500, 400)], along))
    assert not np.array_equal(corner, moved)
