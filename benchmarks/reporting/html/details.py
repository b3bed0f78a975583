"""What a report keeps of single runs: data that the page opens a run from."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.record_parts import TaskRecord
from benchmarks.records import RunRecord, record_path
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.html.protocol import settings, shared_settings
from benchmarks.reporting.html.run_toml import has_seeds_of_a_sweep, run_toml
from benchmarks.reporting.html.text import visible
from benchmarks.reporting.specs import at, show

ROOM, MOST = 2_500_000, 5000
"""Bytes that the data of the runs may take, so that a report of 500 runs can be sent by mail, and
runs of which not even the least would fit."""

_COSTS: dict[str, Callable[[TaskRecord], float | None]] = {
    "Training (s)": lambda task: task.train_s,
    "Consolidation (s)": lambda task: task.consolidate_s,
    "Evaluation (s)": lambda task: task.eval_s,
    "CPU (s)": lambda task: task.cpu_s,
    "Epochs": lambda task: task.epochs,
    "Best epoch": lambda task: task.best_epoch,
    "Trainable parameters": lambda task: task.trainable_parameters,
    "State (bytes)": lambda task: task.state_bytes,
    "Peak memory (bytes)": lambda task: task.peak_memory_bytes,
}

_LAYERS: dict[str, Callable[[TaskRecord], Mapping[str, float]]] = {
    "Rank": lambda task: task.ranks,
    "Interference": lambda task: task.interference,
    "Bound on interference": lambda task: task.interference_bound,
}

_PARTS = {
    "layers": "ranks and interference of each layer",
    "costs": "costs of each task",
    "matrix": "accuracy matrices",
    "spec": "specs",
}
"""What is left out where there are too many runs, first things first."""


def details(collection: Collection) -> tuple[dict[str, Any], list[str]]:
    """The data of the runs, and the names of what did not fit into `ROOM`.

    ``runs`` has a table a run by id; what many share is stored once: ``shared`` the settings of
    all runs of a stream, ``environments``, and ``tomls``, the specs without their seeds.
    """
    if len(collection.records) > MOST:
        return _NOTHING
    data = _all(collection)
    left_out: list[str] = []
    for part, name in _PARTS.items():
        if len(as_json(data)) <= ROOM:
            break
        for run in data["runs"].values():
            run.pop(part, None)
        left_out.append(name)
    if left_out and len(as_json(data)) > ROOM:
        return _NOTHING
    return data, left_out


_NOTHING: tuple[dict[str, Any], list[str]] = (
    {"runs": {}},
    ["everything but their row in this table"],
)


def as_json(data: Mapping[str, Any]) -> str:
    """Compact JSON in ASCII that no HTML parser takes for markup."""
    text = json.dumps(visible(data), separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _all(collection: Collection) -> dict[str, Any]:
    shared = {stream: shared_settings(collection, stream) for stream in collection.streams}
    environments: dict[str, int] = {}
    tomls: dict[tuple[str, str], int] = {}
    texts: list[str] = []
    runs = {}
    for run, row in zip(collection.runs.index, collection.runs.to_dict("records"), strict=True):
        record = collection.records[str(run)]
        environment = json.dumps({k: show(v) for k, v in record.environment.items()})
        common = shared[record.spec["stream"]]
        flat = settings(record)
        where = record_path(
            collection.out, record.spec["stream"], record.spec["strategy"], str(run)
        )
        method = row["stream"], row["label"]
        if method not in tomls:
            tomls[method] = len(texts)
            texts.append(run_toml(record.spec))
        runs[str(run)] = {
            "label": row["label"],
            "stream": row["stream"],
            "status": row["status"],
            "seed": show(row["seed"]),
            "error": record.error,
            "undefined": row["undefined"],
            "path": str(where),
            "started": record.started,
            "ended": record.ended,
            "spec": {key: at(flat, key) for key in sorted(flat) if key not in common},
            "environment": environments.setdefault(environment, len(environments)),
            "toml": tomls[method] if has_seeds_of_a_sweep(record.spec) else None,
            "command": _command(collection, record),
            "matrix": [
                matrix
                for matrix in (record.accuracy_matrix, record.accuracy_matrix_task_aware)
                if matrix is not None
            ],
            "costs": _costs(record.tasks),
            "layers": _layers(record.tasks),
        }
    return {
        "shared": shared,
        "environments": [json.loads(environment) for environment in environments],
        "tomls": texts,
        "runs": runs,
    }


def _command(collection: Collection, record: RunRecord) -> str:
    words = ("--strategy", record.spec["strategy"], "--seed", str(record.spec.get("seed")))
    out = ("--out", f"{collection.out}-again")
    return shlex.join(["python", "-m", "benchmarks", "run", "spec.toml", *words, *out])


def _costs(tasks: list[TaskRecord]) -> dict[str, list[float | None]]:
    columns = {name: [read(task) for task in tasks] for name, read in _COSTS.items()}
    return {name: values for name, values in columns.items() if any(v is not None for v in values)}


def _layers(tasks: list[TaskRecord]) -> dict[str, dict[str, list[float | None]]]:
    found = {}
    for name, read in _LAYERS.items():
        measured = [read(task) for task in tasks]
        layers = dict.fromkeys(layer for task in measured for layer in task)
        if layers:
            found[name] = {
                layer: [_short(task.get(layer)) for task in measured] for layer in layers
            }
    return found


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}") if value % 1 else value
