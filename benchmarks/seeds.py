"""Independent seeds from one: every source of randomness has its own path."""

from __future__ import annotations

import hashlib


def derive(seed: int, *path: str | int) -> int:
    """A seed of 63 bits that depends on ``seed`` and on every word of ``path``."""
    text = "/".join(str(part) for part in (seed, *path))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
