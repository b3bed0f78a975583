"""What tells a stored run from one that was damaged or edited: strict JSON and two hashes.

The id of a run is the hash of its spec, in every record. Records written since then also end in
``sha256``, the hash of all the rest: without it a flipped bit in a digit gives another, valid
number. Older records have none and are read as they are. Both hash the values, not the bytes: a
record that an editor has reformatted is still whole.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

CHECKSUM = "sha256"


def hash_of(value: Any) -> str:
    """SHA-256 of a JSON value, whatever its layout and the order of its keys."""
    return hash_of_text(json.dumps(value, sort_keys=True))


def hash_of_text(text: str) -> str:
    """SHA-256 of a JSON value that is written as `hash_of` writes it."""
    return hashlib.sha256(text.encode()).hexdigest()


def id_of(spec: Mapping[str, Any]) -> str:
    """The id of the run that a spec, as stored in its record, stands for."""
    return hash_of(spec)[:16]


def without_checksum(record: Any) -> Any:
    """A record's JSON less its checksum; raises `ValueError` where that does not fit the rest."""
    if not isinstance(record, dict) or CHECKSUM not in record:
        return record
    body = {key: value for key, value in record.items() if key != CHECKSUM}
    if hash_of(body) != record[CHECKSUM]:
        raise ValueError(f"its {CHECKSUM} is not that of its contents")
    return body


def decode(data: bytes) -> Any:
    """JSON that every reader understands alike; raises `ValueError` with the reason for any other.

    Refused beside what is not JSON: repeated keys, of which readers take one or the other; NaN
    and numbers beyond the range of a float; signs that cannot be printed; endless nesting.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_table,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise ValueError(f"not UTF-8 text ({error})") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"the key {key[:40]!r} is there twice")
        table[key] = value
    return table


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is too large a number")
    return value
