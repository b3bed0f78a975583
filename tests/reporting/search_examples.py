"""Searches made by hand, with numbers as runs would have given them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.reporting.search import Search
from benchmarks.reporting.search_parts import Configuration, Method


def tried(mean: float | None, status: Any = "ranked", **values: Any) -> Configuration:
    """A configuration that one of two runs tells of."""
    return Configuration(
        values=values, runs=["a", "b"], status=status, n=0 if mean is None else 1, mean=mean
    )


def method(strategy: str, *configurations: Configuration, **changes: Any) -> Method:
    """What was tried of a method, all of its grid unless ``there_are`` says otherwise."""
    given: dict[str, Any] = {"there_are": len(configurations)} | changes
    return Method(strategy=strategy, configurations=list(configurations), **given)


def searched(*methods: Method, **changes: Any) -> Search:
    """A search of three configurations a method on two seeds."""
    given: dict[str, Any] = {
        "spec": "SPEC.toml",
        "overrides": [],
        "stream": "split_digits/til",
        "keep": ["best"],
        "budget": 3,
        "seeds": [7, 8],
    }
    return Search(methods=list(methods), **(given | changes))


OUT = Path("results/mine")

NESS = method("ness", tried(80.0, eps=1e-3), tried(84.5, eps=1e-2), tried(82.0, eps=0.1), winner=1)
NAIVE = method("naive", tried(70.0), winner=0)
