"""Ratios of times that other load on the machine does not shift.

Every side runs once a round, in an order that rotates, and a ratio is taken within each round: what
slows the machine down for seconds slows both of its sides down. Nothing here needs torch.

Usage::

    times = rounds({"plain": timed(plain), "ours": timed(ours)}, budget_s=30)
    print(ratio(times["ours"], times["plain"]).median)
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
Clock = Callable[[], float]
Side = Callable[[], float]
"""Runs once; the seconds of it that count."""


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, and the 95 % interval of that median.

    The interval is that of a percentile bootstrap of the rounds, with a fixed seed. It tells how
    well these rounds fix the median; what would differ on another day is no part of it.
    """

    median: float
    low: float
    high: float
    rounds: int


def timed(
    action: Callable[[], object],
    *,
    times: int = 1,
    untimed: int = 0,
    synchronise: Callable[[], object] | None = None,
    clock: Clock = time.perf_counter,
) -> Side:
    """A side out of an action: the mean seconds of ``times`` calls, after ``untimed`` ones.

    Another side has left its data in the caches, so that the first calls are slower than those of
    a training run. ``synchronise``: waits for a GPU's work, before and after.
    """

    def side() -> float:
        for _ in range(untimed):
            action()
        if synchronise is not None:
            synchronise()
        started = clock()
        for _ in range(times):
            action()
        if synchronise is not None:
            synchronise()
        return (clock() - started) / times

    return side


def rounds(
    sides: Mapping[str, Side],
    *,
    budget_s: float,
    least: int = 5,
    most: int = 1000,
    warm_up: int = 1,
    clock: Clock = time.perf_counter,
    progress: Callable[[int, float], None] = lambda done, left_s: None,
) -> dict[str, list[float]]:
    """The seconds of every side in every round, in the order of the rounds.

    After ``warm_up`` rounds that do not count, as many as fit in ``budget_s`` of the clock,
    warm-up included, but at least ``least`` and at most ``most``. Garbage is collected between
    rounds alone. ``progress(rounds done, seconds left of the budget)`` is called after each.
    """
    names, found = list(sides), {name: list[float]() for name in sides}
    started = clock()
    with _no_collection():
        for turn in range(-warm_up, most):
            begun = clock()
            gc.collect()
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                seconds = sides[name]()
                if turn >= 0:
                    found[name].append(seconds)
            now = clock()
            progress(max(0, turn + 1), budget_s - (now - started))
            if turn + 1 >= least and now + (now - begun) > started + budget_s:
                break
    return found


@contextmanager
def _no_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    gc.collect()
    gc.freeze()  # what is there stays: to look it through in every round takes half a second
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """Numerators over denominators, round by round.

    Raises `ValueError` for sides of different lengths and for fewer than three rounds, of which
    no spread can be told.
    """
    count = len(numerators)
    if count != len(denominators) or count < 3:
        raise ValueError(
            f"{count} and {len(denominators)} rounds: give the same number, at least 3, of both"
        )
    ratios = np.asarray(numerators, dtype=float) / np.asarray(denominators, dtype=float)
    drawn = np.random.default_rng(0).integers(0, count, (RESAMPLES, count))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.median(ratios[drawn], axis=1), [tail, 100 - tail])
    return Ratio(float(np.median(ratios)), float(low), float(high), count)
