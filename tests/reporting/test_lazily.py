from __future__ import annotations

from benchmarks.reporting.figures.lazily import Lazily


def test_what_is_not_read_is_not_made() -> None:
    made: list[int] = []

    def double(number: int) -> int:
        made.append(number)
        return 2 * number

    every = Lazily(double, [1, 2, 3, 4])
    first = every[:2]
    assert (len(every), len(first), made) == (4, 2, [])
    assert list(first) == [2, 4]
    assert made == [1, 2]
    assert every[-1] == 8
    assert made == [1, 2, 4]


def test_of_another_one_both_are_made() -> None:
    assert list(Lazily(str, Lazily(abs, [-1, 2]))) == ["1", "2"]
