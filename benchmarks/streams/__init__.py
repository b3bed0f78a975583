"""The registry of streams. Adding one: a decorated function in a module listed below."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from importlib import import_module

from benchmarks.streams.stream import Stream

MODULES = (
    "digits",
    "mnist",
    "changed_mnist",
    "cifar",
    "mini_imagenet",
    "five_datasets",
    "own_data",
)
STREAMS: dict[str, Callable[..., Stream]] = {}


def stream(
    *scenarios: str,
) -> Callable[[Callable[..., Stream]], Callable[..., Stream]]:
    """Register ``<function name>/<scenario>`` for each scenario the stream comes in.

    The function takes its spec arguments as keywords, plus ``name`` and ``context`` from the
    harness.
    """

    def register(function: Callable[..., Stream]) -> Callable[..., Stream]:
        for scenario in scenarios:
            name = f"{function.__name__}/{scenario}"
            STREAMS[name] = update_wrapper(partial(function, name=name), function)
        return function

    return register


for _module in MODULES:
    import_module(f"benchmarks.streams.{_module}")
