"""Damaged copies of a file, drawn with a seed: the same number gives the same damage."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Draw = random.Random
Change = Callable[[bytes, Draw], bytes]

FOLDER = "replaced by a folder"


def mutants(original: bytes, change: Change, kind: str, count: int) -> Iterator[bytes]:
    """``count`` copies of a file after one kind of change, each other than the file itself."""
    draw = random.Random(kind)
    for _ in range(count):
        mutant = change(original, draw)
        while mutant == original:
            mutant = change(original, draw)
        yield mutant


def put(path: Path, kind: str, content: bytes) -> None:
    """Have the damage lie at ``path``."""
    if kind == FOLDER:
        path.unlink(missing_ok=True)
        path.mkdir()
        (path / path.name).write_bytes(content)
    else:
        path.write_bytes(content)


def _flip(data: bytes, draw: Draw) -> bytes:
    changed = bytearray(data)
    changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _flips(data: bytes, draw: Draw) -> bytes:
    for _ in range(draw.randint(2, 20)):
        data = _flip(data, draw)
    return data


def _cut(data: bytes, draw: Draw) -> bytes:
    return data[: draw.randrange(1, len(data))]


def _hole(data: bytes, draw: Draw) -> bytes:
    """A block that a crashed file system left as zeros."""
    start = draw.randrange(len(data))
    size = min(draw.choice([1, 16, 512, 4096]), len(data) - start)
    return data[:start] + bytes(size) + data[start + size :]


def _shuffled(data: bytes, draw: Draw) -> bytes:
    """A block that is lost, there twice, or another's."""
    start, size = draw.randrange(len(data)), draw.choice([1, 10, 100])
    block = data[start : start + size]
    elsewhere = draw.randrange(len(data))
    inserted = draw.choice([b"", block + block, data[elsewhere : elsewhere + size]])
    return data[:start] + inserted + data[start + size :]


def _not_utf8(data: bytes, draw: Draw) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + draw.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xfe\xff"]) + data[at:]


def _encoded(data: bytes, draw: Draw) -> bytes:
    return data.decode().encode(draw.choice(["utf-16", "utf-32", "utf-8-sig", "utf-16-be"]))


BYTES: dict[str, Change] = {
    "one bit": _flip,
    "some bits": _flips,
    "cut off": _cut,
    "zeros": _hole,
    "blocks": _shuffled,
    "empty": lambda data, draw: b"",
    FOLDER: lambda data, draw: data[: draw.randrange(len(data))],
    "noise": lambda data, draw: draw.randbytes(draw.choice([1, 100, len(data)])),
}
"""Damage to any file."""

TEXT: dict[str, Change] = {"not utf-8": _not_utf8, "another encoding": _encoded}

HUGE = ["1e308", "-1e308", str(10**18), str(-(10**18)), str(2**63), "9" * 400, "9" * 5000]
NO_NUMBERS = {"json": ["NaN", "Infinity", "-Infinity", "1e999"], "toml": ["nan", "inf", "-inf"]}
OTHER_TYPES = {
    "json": ["null", "true", "[]", "{}", '"x"', "0", "-1", "0.5", "[[1]]", '{"a":1}', '"\\ud800"'],
    "toml": ["true", "[]", "{}", '"x"', "0", "-1", "0.5", "[[1]]", "{a=1}", "2026-01-01", "''"],
}
_HERE = "the place of the change"


def _deep(draw: Draw) -> str:
    depth = draw.choice([200, 900, 10_000])
    return "[" * depth + "]" * draw.choice([depth, 0])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything inside a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _in_json(values: Callable[[Draw], str]) -> Change:
    """Put a drawn text in place of a drawn value."""

    def change(data: bytes, draw: Draw) -> bytes:
        record = json.loads(data)
        container, key = draw.choice(list(_places(record)))
        container[key] = _HERE
        return json.dumps(record).replace(json.dumps(_HERE), values(draw), 1).encode()

    return change


def _in_toml(values: Callable[[Draw], str]) -> Change:
    def change(data: bytes, draw: Draw) -> bytes:
        lines = data.decode().splitlines()
        at = draw.choice([n for n, line in enumerate(lines) if "=" in line])
        lines[at] = f"{lines[at].partition('=')[0]}= {values(draw)}"
        return "\n".join(lines).encode()

    return change


def _key_in_json(data: bytes, draw: Draw) -> bytes:
    """A key that is missing, unknown, or there a second time with another value."""
    record = json.loads(data)
    tables = [(c, k) for c, k in _places(record) if isinstance(c, dict)]
    container, key = draw.choice(tables)
    how = draw.choice(["missing", "unknown", "twice"])
    if how == "missing":
        del container[key]
    elif how == "unknown":
        container[f"{key}_"] = container[key]
    else:
        container[_HERE] = draw.choice([1, None, "x", container[key]])
    return json.dumps(record).replace(json.dumps(_HERE), json.dumps(key), 1).encode()


def _key_in_toml(data: bytes, draw: Draw) -> bytes:
    lines = data.decode().splitlines()
    at = draw.choice([n for n, line in enumerate(lines) if line])
    key, rest = lines[at][:1], lines[at][1:]
    lines[at] = draw.choice(["", f"{lines[at]}\n{lines[at]}", f"{key}{key}{rest}", rest, '"\\n"=1'])
    return "\n".join(lines).encode()


def _foreign_schema(data: bytes, draw: Draw) -> bytes:
    record = json.loads(data)
    record["schema"] = draw.choice([0, 2, 1.5, "1", None, [1], 10**30, True])
    return json.dumps(record).encode()


def _values(
    language: str, in_language: Callable[[Callable[[Draw], str]], Change]
) -> dict[str, Change]:
    return {
        "another type": in_language(lambda draw: draw.choice(OTHER_TYPES[language])),
        "huge numbers": in_language(lambda draw: draw.choice(HUGE)),
        "no numbers": in_language(lambda draw: draw.choice(NO_NUMBERS[language])),
        "nested": in_language(_deep),
    }


RECORDS = {
    **BYTES,
    **TEXT,
    **_values("json", _in_json),
    "keys": _key_in_json,
    "foreign schema": _foreign_schema,
}
SPECS = {**BYTES, **TEXT, **_values("toml", _in_toml), "keys": _key_in_toml}
