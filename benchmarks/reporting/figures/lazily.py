"""Sequences whose items are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")


class Lazily(Sequence[B], Generic[A, B]):
    """``make`` of each of `items`, made anew each time that it is read.

    The pages of a figure, say: they can be counted, and some of them left out, undrawn.
    """

    def __init__(self, make: Callable[[A], B], items: Sequence[A]) -> None:
        self._make, self._items = make, items

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> B: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[B]: ...
    def __getitem__(self, index: int | slice) -> B | Sequence[B]:
        if isinstance(index, slice):
            return Lazily(self._make, self._items[index])
        return self._make(self._items[index])
