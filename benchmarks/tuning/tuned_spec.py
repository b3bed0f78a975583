"""The tuned spec: the TOML that was given, with the winners' values in it."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item, Key, Table

from benchmarks.overrides import apply_override, parts, put, read_toml
from benchmarks.reporting.search import FOLDER, Search
from benchmarks.reporting.specs import show


@dataclass(frozen=True)
class Change:
    """A value put into the spec, and where it comes from."""

    key: tuple[str, ...]
    value: Any
    comment: str


def tuned_toml(text: str, search: Search, out: Path) -> str:
    """The spec ``text`` under the overrides of a search and its winners' values.

    Layout and comments stay, and each changed value says where it comes from. A spec whose layout
    does not bear that (inline tables) is written anew, without them.
    """
    expected = read_toml(text)
    changes = [*_overridden(search, copy.deepcopy(expected)), *_winners(search)]
    for change in changes:
        put(change.key, change.value, expected, search.spec)
    head = (
        f"# {search.spec} with the best values of a search on validation images: see\n"
        f"# {out / FOLDER / 'tuning.md'}. Changed values say so. Written by\n"
        f"# `{search.command(out)}`.\n"
    )
    try:
        made = head + _commented(text, changes)
        if tomllib.loads(made) == expected:
            return made
    except (TOMLKitError, ValueError, TypeError, AttributeError):
        pass  # tomlkit has layouts that it cannot add to; what is written is checked, not trusted
    said = "".join(f"# {'.'.join(c.key)} = {show(c.value)}: {c.comment}\n" for c in changes)
    return f"{head}{said}{tomlkit.dumps(expected)}"


def _overridden(search: Search, data: dict[str, Any]) -> Iterator[Change]:
    for override in search.overrides:
        apply_override(override, data)
    for override in search.overrides:
        key, value = parts(override), data
        for part in key:
            value = value[part]
        yield Change(key, value, "--set")


def _winners(search: Search) -> Iterator[Change]:
    seeds = " ".join(map(str, search.seeds))
    named = f"{'seed' if len(search.seeds) == 1 else 'seeds'} {seeds}"
    for method in search.methods:
        if method.best is None:
            continue
        for key, value in method.best.values.items():
            before = method.own.values[key]
            if value != before:
                yield Change(
                    ("strategy", method.strategy, *key.split(".")),
                    value,
                    f"tuned: best of {len(method.configurations)} on validation, {named}; "
                    f"spec had {show(before)}",
                )


def _commented(text: str, changes: Sequence[Change]) -> str:
    document = tomlkit.parse(text)
    for change in changes:
        table, rest = _place(document, change.key)
        value = tomlkit.item(change.value)
        value.comment(change.comment)
        value.trivia.comment_ws = "  "
        if rest[0] in table or not isinstance(table, Table):
            table[rest[0]] = value
        else:
            _append(table, tomlkit.key(rest), value)
    # Where tomlkit has added a table it leaves out the empty line that sets it apart.
    return re.sub(r"(?m)^([^#\n].*\n)(?=\[(?:strategy\.|tune\]))", r"\1\n", tomlkit.dumps(document))


def _place(document: tomlkit.TOMLDocument, key: Sequence[str]) -> tuple[Any, Sequence[str]]:
    """The innermost table for a key, and what of the key remains: it is dotted if several words.

    ``[strategy.x]`` and ``[x]`` are made where they are not there, ``[strategy]`` without a line.
    """
    table: Any = document
    headed = min(2 if key[0] == "strategy" else 1, len(key) - 1)
    for depth, name in enumerate(key[:headed], start=1):
        if name not in table:
            table[name] = tomlkit.table(is_super_table=depth < headed)
        table = table[name]
    rest = key[headed:]
    while rest[1:] and rest[0] in table:
        table, rest = table[rest[0]], rest[1:]
    return table, rest


def _append(table: Table, key: Key, value: Item) -> None:
    """Add a key behind the others of a table, before a comment that heads the next table."""
    body, tail = table.value.body, []
    while body and body[-1][0] is None:
        tail.append(body.pop()[1])
    table.append(key, value)
    for item in reversed(tail):
        table.append(None, item)
