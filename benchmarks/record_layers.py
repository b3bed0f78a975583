"""What is recorded of each layer in each task, with the layers named once.

20 layers over 20 tasks named 60 times each would be two thirds of a record. In the file
``layers`` lists the names, and each task has lists in that order, null where there is no value.
Files from before that have a table of names in every task, and are read as well.
"""

from __future__ import annotations

from typing import Any

BY_LAYER = ("ranks", "interference", "interference_bound")
"""Keys of a task that have a value a layer."""


def listed_layers(record: dict[str, Any]) -> dict[str, Any]:
    """A record's JSON with ``{layer: value}`` of every task as lists in the order of ``layers``."""
    tables = [task[key] for task in record["tasks"] for key in BY_LAYER]
    layers = list(dict.fromkeys(name for table in tables for name in table))
    if not layers:
        return record
    tasks = [
        task
        | {key: [task[key].get(name) for name in layers] if task[key] else [] for key in BY_LAYER}
        for task in record["tasks"]
    ]
    listed = {}
    for key, value in record.items():
        if key == "tasks":
            listed["layers"] = layers
        listed[key] = tasks if key == "tasks" else value
    return listed


def named_layers(record: Any) -> Any:
    """The inverse; what has no ``layers`` is left as it is. Raises `ValueError` for a list that
    does not have a value a layer."""
    if not isinstance(record, dict) or "layers" not in record:
        return record
    layers, tasks = record["layers"], record.get("tasks")
    if not _are_names(layers) or not isinstance(tasks, list):
        raise ValueError("layers and tasks are not a list of names and a list of tasks")
    named = [
        task | {key: _named(key, task[key], layers) for key in BY_LAYER if key in task}
        if isinstance(task, dict)
        else task
        for task in tasks
    ]
    return {key: value for key, value in record.items() if key != "layers"} | {"tasks": named}


def _are_names(layers: Any) -> bool:
    return (
        isinstance(layers, list)
        and all(isinstance(name, str) for name in layers)
        and len(set(layers)) == len(layers)
    )


def _named(key: str, value: Any, layers: list[str]) -> Any:
    if not isinstance(value, list):
        return value
    if not value:
        return {}
    if len(value) != len(layers):
        raise ValueError(f"{key} of a task has {len(value)} values for {len(layers)} layers")
    if None not in value:
        return dict(zip(layers, value, strict=True))
    return {name: one for name, one in zip(layers, value, strict=True) if one is not None}
