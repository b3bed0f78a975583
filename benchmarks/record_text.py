"""How a record is laid out in its file: a line a key, a line a task, and a checksum at the end.

Ten thousand files are to be read in seconds, and to write every number anew, for the checksum to be
compared, takes longer than all else. In a file that is laid out so the numbers stand already.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from benchmarks.integrity import CHECKSUM, hash_of, hash_of_text

ROWS = ("tasks", "accuracy_matrix", "accuracy_matrix_task_aware", "lowest_accuracy")
"""Keys whose value has a line an entry."""


def lay_out(record: dict[str, Any]) -> str:
    """The text of a record's JSON with its checksum: compact, and diffs stay readable."""
    lines = []
    for key, value in {**record, CHECKSUM: hash_of(record)}.items():
        if key in ROWS and value:
            rows = ",\n  ".join(json.dumps(item, separators=(",", ":")) for item in value)
            lines.append(f" {json.dumps(key)}: [\n  {rows}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def proven(data: bytes) -> dict[str, Any] | None:
    """A record's JSON less its checksum, where that proves all that `integrity.decode` asks for;
    None of any other file, which may be as sound.

    Values of the right hash are those that were written, so none is NaN or infinite. Without
    ``\\u`` every sign can be printed, and every quotation mark is one in any layout: as many as
    in the hashed text, and no key is there twice.
    """
    try:
        record: dict[str, Any] = from_json(data, allow_inf_nan=False)
        checksum = record.pop(CHECKSUM)
        text = _hashed(record, data.decode())
    except (ValueError, TypeError, AttributeError, KeyError):
        return None
    quotes = text.count('"') + f'"{CHECKSUM}": ""'.count('"')
    if checksum != hash_of_text(text) or b"\\u" in data or data.count(b'"') != quotes:
        return None
    return record


def _hashed(record: dict[str, Any], text: str) -> str:
    """What `hash_of` hashes, with the rows as they stand in the file."""
    rows = {key: _rows(key, text) for key in ROWS if record.get(key)}
    hashed = json.dumps(record | {key: f"<{key}>" for key in rows}, sort_keys=True)
    for key, value in rows.items():
        hashed = hashed.replace(f'"<{key}>"', value)
    return hashed


def _rows(key: str, text: str) -> str:
    """The rows of a key with a space after commas and colons, and the keys in them in order: in no
    row is there a string with either. Raises `ValueError` where there are none."""
    head = f'\n "{key}": [\n  '
    start = text.index(head) + len(head)
    rows = text[start : text.index("\n ]", start)].split(",\n  ")
    if rows[0].startswith("{"):
        rows = ['{"' + ',"'.join(sorted(row[2:-1].split(',"'))) + "}" for row in rows]
    return f"[{','.join(rows)}]".replace(",", ", ").replace(":", ": ")
