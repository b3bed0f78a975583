"""Files of tensors as a user might have them, and the streams made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.streams import STREAMS
from benchmarks.streams.stream import Context, Stream


def tensors(file: Path, scenario: str = "til", **arguments: Any) -> Stream:
    given = {"tasks": 2, "classes_per_task": 2, "valid_share": 0.25} | arguments
    return STREAMS[f"from_tensors/{scenario}"](file=str(file), **given, context=Context())


def arrays(shape: tuple[int, ...] = (3, 5, 5), dtype: Any = np.uint8) -> dict[str, Any]:
    generator, made = np.random.default_rng(0), {}
    for split, n in (("train", 4), ("test", 2)):
        y = np.repeat(np.arange(4), n)
        made[f"{split}_x"] = generator.integers(0, 256, (len(y), *shape)).astype(dtype)
        made[f"{split}_y"] = y
    return made


def save(file: Path, made: dict[str, Any]) -> None:
    if file.suffix == ".npz":
        np.savez(file, **made)
    else:
        torch.save({k: torch.from_numpy(v) for k, v in made.items()}, file)
