"""What the records of a search prove of the file that names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.records import IMPLIED
from benchmarks.reporting.search_parts import Configuration
from benchmarks.reporting.specs import flatten, show
from benchmarks.tuning.table import COMMON


def setting(spec: Mapping[str, Any], key: str) -> Any:
    """What the spec of a run has under a key of ``[tune]``, see `benchmarks.tuning.table`."""
    table, _, rest = key.partition(".")
    dotted = key if rest and table in COMMON else f"strategy_args.{key}"
    return flatten(spec).get(dotted, IMPLIED.get(dotted))


def contradiction(
    configuration: Configuration, said: Mapping[str, Any], spec: Mapping[str, Any]
) -> str | None:
    """The first thing that a search says of a run and the ``spec`` in its record denies, or None.

    ``said``: what it says under the keys of a spec, beside the values of the configuration.
    """
    pairs = [(key, value, spec.get(key, IMPLIED.get(key))) for key, value in said.items()]
    pairs += [(key, value, setting(spec, key)) for key, value in configuration.values.items()]
    for key, value, proven in pairs:
        if show(value) != show(proven):
            return f"{key} = {show(value)}, where its record has {show(proven)}"
    return None
