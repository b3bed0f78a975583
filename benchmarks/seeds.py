"""Independent seeds from one: every source of randomness has its own path."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def derive(seed: int, *path: str | int) -> int:
    """A seed of 63 bits that depends on ``seed`` and on every word of ``path``."""
    text = "/".join(str(part) for part in (seed, *path))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_all(seed: int, *path: str | int) -> None:
    """Seed the global generators of torch, NumPy and Python with what `derive` gives.

    All three: methods draw from any of them (Avalanche's AGEM shuffles with ``random``).
    """
    derived = derive(seed, *path)
    torch.manual_seed(derived)
    np.random.seed(derived % 2**32)
    random.seed(derived)
