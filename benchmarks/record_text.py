"""How a record is laid out in its file: a line a key, a line a task, and a checksum at the end."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.integrity import CHECKSUM, hash_of

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
