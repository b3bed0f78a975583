"""Where to write a name beside each of many markers, so that none covers another.

Boxes and points are in one unit of length with y upwards; a box is (left, bottom, right, top).
Nothing is drawn by chance: the same input gives the same places.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_RINGS = (0.45, 0.9, 1.5, 2.2, 3.0, 4.0, 5.2, 6.6, 8.2, 10.0, 13.0, 17.0)
"""Distances tried between marker and name, in heights of a line."""
_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_PASSES = 6

# What a name may cover costs so many line heights of distance; it is never worth covering a name.
# To stand nearer to another marker than to its own misleads as well.
_NAME, _MARKER, _LEADER, _NEARER, _LINE = 1e4, 100.0, 6.0, 4.0, 1.5


class Scene(NamedTuple):
    """What is drawn already."""

    bounds: tuple[float, float, float, float]
    """The box that the names must stay in."""
    markers: Array
    """Boxes (m x 4) of all markers, first those of the n names in their order."""
    lines: Array
    """Points (k x 2) along thin lines, which a name had better not cover."""


def place(sizes: Array, line_height: float, scene: Scene) -> Array:
    """The lower left corners (n x 2) of names of these widths and heights (n x 2).

    Near its marker, over no other name and, where there is room, over no marker and no line.
    They choose in turn, again and again, each knowing the others; of several orders the one that
    ends best is taken.
    """
    named = scene.markers[: len(sizes)]
    centres = (named[:, :2] + named[:, 2:]) / 2
    choices = [_choices(i, centres[i], sizes[i], line_height, scene) for i in range(len(sizes))]
    apart = np.abs(centres[:, None] - centres[None]) / (line_height * np.array([6.0, 2.0]))
    crowding = np.exp(-(apart**2).sum(2)).sum(1)
    tried = [
        _settle(np.argsort(by, kind="stable"), choices, centres)
        for by in (-crowding, -centres[:, 1], centres[:, 1], centres[:, 0])
    ]
    return min(tried, key=lambda ended: ended[0])[1][:, :2]


def nearest(boxes: Array, points: Array) -> Array:
    """The point of each box that is nearest to a point of its own, or to the one given."""
    return np.clip(points, boxes[..., :2], boxes[..., 2:])


def gaps(boxes: Array, markers: Array) -> Array:
    """The distance of each box (n) from the middle of each marker (m): n x m."""
    middles = (markers[:, :2] + markers[:, 2:]) / 2
    return np.asarray(np.linalg.norm(nearest(boxes[:, None], middles[None]) - middles, axis=-1))


def overlaps(boxes: Array, others: Array) -> NDArray[np.bool_]:
    """Which of the boxes (n) cover which of the others (m): n x m."""
    a, b = boxes[:, None], others[None]
    meet = (a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])
    return np.asarray(meet.all(-1))


class _Choices(NamedTuple):
    """Where a name could go."""

    boxes: Array
    tips: Array
    """Where the line from its marker, its leader, would end."""
    leaders: Array
    """Points along that line, n x 6 x 2."""
    costs: Array
    """What each choice costs whatever the other names do, in line heights."""


def _choices(i: int, centre: Array, size: Array, line_height: float, scene: Scene) -> _Choices:
    radii = line_height * np.array(_RINGS)[:, None, None]
    directions = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1)[None]
    middles = (centre + directions * (size / 2 + radii)).reshape(-1, 2)
    low, high = np.array(scene.bounds[:2]) + size / 2, np.array(scene.bounds[2:]) - size / 2
    inside = ((middles >= low) & (middles <= high)).all(1)
    # A name wider than the figure stays where it has most of its room.
    middles = middles[inside] if inside.any() else np.clip(middles, low, np.maximum(low, high))
    boxes = np.hstack([middles - size / 2, middles + size / 2])
    tips = nearest(boxes, centre)
    leaders = _along(centre, tips)
    distances = gaps(boxes, scene.markers)
    costs = (
        np.hypot(*(tips - centre).T) / line_height
        + _NEARER * (distances < distances[:, [i]]).sum(1)
        + _MARKER * overlaps(boxes, scene.markers).sum(1)
        + _LEADER * _held(leaders, np.delete(scene.markers, i, 0))
        + _LINE * _covered(boxes, scene.lines)
    )
    return _Choices(boxes, tips, leaders, costs)


def _settle(
    order: NDArray[np.intp], choices: list[_Choices], centres: Array
) -> tuple[float, Array]:
    """What the names cost together, and their boxes, where they choose in this order."""
    boxes = np.full((len(order), 4), np.nan)
    cost = np.full(len(order), np.inf)
    for _ in range(_PASSES):
        before = boxes.copy()
        for i in order:
            boxes[i] = np.nan
            costs = _costs(choices[i], centres[i], centres, boxes)
            best = int(np.argmin(costs))
            boxes[i], cost[i] = choices[i].boxes[best], costs[best]
        if np.array_equal(before, boxes):
            break
    return float(cost.sum()), boxes


def _costs(own: _Choices, centre: Array, centres: Array, placed: Array) -> Array:
    """What each choice costs beside the names that have a place (the others are NaN)."""
    known = ~np.isnan(placed[:, 0])
    names, starts = placed[known], centres[known]
    tips = nearest(names, starts)
    leaders = _along(starts, tips).reshape(-1, 2)
    crossed = _held(own.leaders, names) + _covered(own.boxes, leaders)
    crossed += _crossings(centre, own.tips, starts, tips)
    covered = overlaps(own.boxes, names).sum(1)
    return np.asarray(own.costs + _NAME * covered + _LEADER * crossed)


def _along(starts: Array, ends: Array) -> Array:
    """Points on each line between start and end, without its ends: n x 6 x 2."""
    shares = np.linspace(0.15, 0.95, 6)[None, :, None]
    begin = np.broadcast_to(starts, ends.shape)[:, None]
    return begin + shares * (ends[:, None] - begin)


def _held(points: Array, boxes: Array) -> Array:
    """How many points of each row (n x k x 2) lie in the boxes, counted once for each box."""
    at = points[:, :, None]
    inside = ((at > boxes[:, :2]) & (at < boxes[:, 2:])).all(-1)
    return np.asarray(inside.sum((1, 2)), dtype=float)


def _crossings(start: Array, ends: Array, starts: Array, tips: Array) -> Array:
    """How many lines from starts to tips (m) each line from `start` to its end (n) crosses."""

    def side(p: Array, q: Array, r: Array) -> Array:
        (ax, ay), (bx, by) = np.moveaxis(q - p, -1, 0), np.moveaxis(r - p, -1, 0)
        return np.asarray(ax * by - ay * bx)

    end = ends[:, None]
    apart = side(start, end, starts) * side(start, end, tips) < 0
    across = side(starts, tips, start) * side(starts, tips, end) < 0
    return np.asarray((apart & across).sum(1), dtype=float)


def _covered(boxes: Array, points: Array) -> Array:
    """How many of the points each box covers."""
    inside = (points[None] > boxes[:, None, :2]) & (points[None] < boxes[:, None, 2:])
    return np.asarray(inside.all(-1).sum(1), dtype=float)
