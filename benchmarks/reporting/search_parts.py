"""What a search tried of each method, as it is stored."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.reporting.specs import show
from benchmarks.reporting.stats import Summary

Status = Literal["ranked", "failed", "diverged", "missing"]


class Stored(BaseModel):
    """A part of a search's file; nothing else may be there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Configuration(Stored):
    """Values of a method, and the validation ACC of its runs: mean and sample standard deviation
    over ``n`` seeds, percent. It is ``ranked`` when the runs of all seeds have finished."""

    values: dict[str, Any]
    """Of every key that the search varies for the method."""
    runs: list[str] = Field(min_length=1)
    """Ids, in the order of the search's seeds."""
    status: Status = "missing"
    n: int = 0
    mean: float | None = None
    std: float | None = None

    @property
    def text(self) -> str:
        """``eps=0.01, optimizer.lr=0.05``; what nothing varies has no values to name."""
        return ", ".join(f"{key}={show(value)}" for key, value in self.values.items())

    @property
    def summary(self) -> Summary | None:
        """Mean and spread, where there is a finished run."""
        return None if self.mean is None else Summary(self.n, self.mean, self.std, None)


class Method(Stored):
    """What was tried of one method."""

    strategy: str
    there_are: int
    """Configurations that its grid has, the spec's own among them."""
    configurations: list[Configuration] = Field(min_length=1)
    """The spec's own first, the others in grid order."""
    own_place: int | None = None
    """How many of the other configurations come before the spec's own in grid order; None where
    the grid has not the spec's own (and in files older than this key)."""
    winner: int | None = None
    """Place of the best among ``configurations``; None without a ranked one, and in all methods
    while runs of any are missing."""

    @property
    def own(self) -> Configuration:
        """The spec's own."""
        return self.configurations[0]

    @property
    def best(self) -> Configuration | None:
        """The winner."""
        return None if self.winner is None else self.configurations[self.winner]

    @property
    def in_grid_order(self) -> list[int]:
        """Places in ``configurations`` as the grid has them, one that it has not behind all.

        It is blind to which is the spec's own, whose values may have been picked on the test.
        """
        order = list(range(1, len(self.configurations)))
        order.insert(len(order) if self.own_place is None else self.own_place, 0)
        return order

    @property
    def at_edge(self) -> dict[str, Any]:
        """Values of the winner that are the least or largest of three or more numbers tried."""
        if self.best is None:
            return {}
        edges = {}
        for key, value in self.best.values.items():
            tried = {
                number
                for other in self.configurations
                if isinstance(number := other.values.get(key), int | float)
            }
            if len(tried) > 2 and value in (min(tried), max(tried)):
                edges[key] = value
        return edges
