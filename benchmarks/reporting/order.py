"""The order in which a reader of a continual-learning paper expects the methods."""

from __future__ import annotations

UPPER_BOUNDS = ("joint", "cumulative")
"""They see the data of all tasks again, so no continual learner is ranked against them."""

NULL_SPACE = (
    "adam_nscl",
    "dfgp",
    "fs_dgpm",
    "gpm",
    "inflora",
    "ness",
    "ness_sam",
    "owm",
    "sgp",
    "trgp",
)
"""They restrict the trunk's updates. One that restricts them to nothing still scores what `frozen`
does, its heads alone, so each has to beat it."""

CONTROLS = ("naive", "frozen", "random_subspace")


def canonical(strategy: str) -> tuple[int, int, str]:
    """Sort key: upper bounds, then controls, then the rivals by name, then NESS and its variants.

    A result is read against its bounds, so these come first; the method in question comes last,
    where papers put it, beside the rule that closes the table.
    """
    for group, names in enumerate((UPPER_BOUNDS, CONTROLS)):
        if strategy in names:
            return group, names.index(strategy), strategy
    return (3 if strategy.startswith("ness") else 2), 0, strategy
