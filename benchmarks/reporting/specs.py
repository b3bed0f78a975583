"""Which runs repeat each other, and in what the others differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.records import IMPLIED
from benchmarks.reporting.order import canonical

SEED_KEYS = ("seed", "init_seed", "data_seed", "class_order_seed")
"""Top-level keys in which repetitions of one experiment may differ."""

IMAGES = "data_hash"
"""The key of the images a run was made on, beside those of its spec."""

SPLIT = "split_hash"
"""The key of which images each task got, of runs that should have got the same and did not."""

APART = (IMAGES, SPLIT, "evaluate_on", "tasks")
"""Keys in which rows may not differ unsaid, nor be ranked together or paired: their accuracies are
on different images, or over different numbers of tasks."""

Flat = dict[str, Any]

_UNSET = "unset"

_AMBIGUOUS = re.compile(
    rf'^$|[,="\[\]{{}}\s]|^({_UNSET}|true|false|null|NaN|-?Infinity|-?\d+(\.\d+)?([eE][+-]?\d+)?)$'
).search
"""Strings that could be taken for another value, or for the end of theirs."""


def flatten(spec: Mapping[str, Any], prefix: str = "") -> Flat:
    """Nested tables as dotted keys: {"optimizer": {"lr": 0.1}} is {"optimizer.lr": 0.1}."""
    flat: Flat = {}
    for key, value in spec.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def show(value: object) -> str:
    """A spec value as a reader writes it; 1 and 1.0 are the same value.

    Two values are shown alike only if they are the same: a string is bare where it can be
    nothing else.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if _AMBIGUOUS(value) else value
    return json.dumps(_whole(value), sort_keys=True, ensure_ascii=False)


def _whole(value: object) -> object:
    """The value with 1 for 1.0, in lists too."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def labels(runs: Mapping[str, tuple[str, Flat]]) -> dict[str, str]:
    """The label of each run of one stream, from {id: (strategy, flat spec)}, in table order.

    Runs that share a label differ in nothing but their seeds and may be averaged. Where a
    strategy was run with several specs, the label names what differs:
    ``ness [strategy_args.eps=0.01]``. Where the stream was run on several image sets, every label
    names its own: one without would look like a row beside all the others. So it is with runs that
    were evaluated on validation images beside runs that were tested, and over other tasks
    or other splits.
    """
    named: dict[str, str] = {}
    repeated = _repetitions(runs)
    specs = {first: _unseeded(runs[first][1]) for first in repeated}
    everywhere = set(APART) & set(_differing(specs.values()))
    for strategy in sorted({strategy for strategy, _ in runs.values()}, key=canonical):
        own = {first: flat for first, flat in specs.items() if runs[first][0] == strategy}
        differing = sorted({*_differing(own.values()), *everywhere})
        for first in sorted(own, key=lambda run: [_by_value(own[run], k) for k in differing]):
            settings = ", ".join(f"{key}={at(own[first], key)}" for key in differing)
            label = f"{strategy} [{settings}]" if settings else strategy
            named |= dict.fromkeys(repeated[first], label)
    return named


def confounds(rows: Mapping[str, Flat]) -> list[str]:
    """What else than the method differs between the rows of one table, a line a setting.

    `rows` maps each label to its flat spec. Two things are named: shared settings (stream,
    backbone, protocol, optimiser, precision ...) with several values, and arguments of a
    strategy that replace a shared setting (Adam-NSCL brings its own optimiser).
    """
    shared = {label: _shared(flat) for label, flat in rows.items()}
    notes = []
    for key in _differing(shared.values()):
        values = {label: at(flat, key) for label, flat in shared.items()}
        notes.append(f"{key} = {who_has_what(values)}")
    for label, flat in rows.items():
        own = [
            f"{key} = {show(value)}"
            for key, value in sorted(flat.items())
            if _replaces_shared(key, shared[label]) and value not in ("shared", None)
        ]
        if own:
            notes.append(f"{label} sets its own {', '.join(own)}")
    return notes


def who_has_what(values: Mapping[str, str]) -> str:
    """``a (x, y); b (all others)`` from {label: value}: exceptions by name, the many in short."""
    users: dict[str, list[str]] = {}
    for label, value in values.items():
        users.setdefault(value, []).append(label)
    ordered = sorted(users, key=lambda value: len(users[value]))
    usual = ordered[-1] if len(ordered) > 1 and len(users[ordered[-1]]) > 2 else None
    return "; ".join(
        f"{value} ({'all others' if value == usual else ', '.join(users[value])})"
        for value in ordered
    )


def _repetitions(runs: Mapping[str, tuple[str, Flat]]) -> dict[str, list[str]]:
    """Runs whose strategy and spec are the same to the letter, under the first of them: there are
    far fewer specs than runs."""
    found: dict[tuple[str, str], list[str]] = {}
    for run, (strategy, flat) in runs.items():
        found.setdefault((strategy, json.dumps(_unseeded(flat))), []).append(run)
    return {repeated[0]: repeated for repeated in found.values()}


def _unseeded(flat: Flat) -> Flat:
    return {key: value for key, value in flat.items() if key not in SEED_KEYS}


def _shared(flat: Flat) -> Flat:
    return {
        key: value
        for key, value in _unseeded(flat).items()
        if key.partition(".")[0] not in ("strategy", "strategy_args")
    }


def _replaces_shared(key: str, shared: Flat) -> bool:
    table, _, name = key.partition(".")
    if table != "strategy_args":
        return False
    known = {part for other in shared for part in other.split(".")}
    return name.partition(".")[0] in known


def _differing(specs: Iterable[Flat]) -> list[str]:
    specs = list(specs)
    keys = sorted({key for flat in specs for key in flat})
    return [key for key in keys if len({at(flat, key) for flat in specs}) > 1]


def at(flat: Flat, key: str) -> str:
    """The value of a key as shown, what its absence means, or ``unset``."""
    known = flat if key in flat else IMPLIED
    return show(known[key]) if key in known else _UNSET


def _by_value(flat: Flat, key: str) -> tuple[bool, float, str]:
    value = flat.get(key)
    number = isinstance(value, int | float)
    return not number, float(value) if isinstance(value, int | float) else 0.0, at(flat, key)
