"""What a search tried of a method: its order, and winners at an edge."""

from __future__ import annotations

from typing import Any

import pytest
from search_examples import method, tried


@pytest.mark.parametrize(
    ("own_place", "order"), [(0, [0, 1, 2]), (1, [1, 0, 2]), (2, [1, 2, 0]), (None, [1, 2, 0])]
)
def test_the_spec_s_own_is_at_its_place_in_the_grid(
    own_place: int | None, order: list[int]
) -> None:
    found = method("ness", tried(1.0), tried(1.0), tried(1.0), own_place=own_place)
    assert found.in_grid_order == order


@pytest.mark.parametrize(
    ("values", "place", "edge"),
    [
        ([3, 1, 2], 0, {"eps": 3}),
        ([2, 1, 3], 1, {"eps": 1}),
        ([2, 1, 3], 0, {}),
        ([1, 2], 1, {}),  # of two values both are at an edge
        (["a", "b", "c"], 0, {}),
        ([1, None, 2], 2, {}),
    ],
)
def test_a_winner_at_the_edge_of_what_was_tried(
    values: list[Any], place: int, edge: dict[str, Any]
) -> None:
    found = method("ness", *(tried(1.0, eps=value) for value in values), winner=place)
    assert found.at_edge == edge
