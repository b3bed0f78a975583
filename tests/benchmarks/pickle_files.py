"""Tiny stand-ins for the data sets that are pickles, and a pickle that calls."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from cifar_files import Raw


class Calls:
    """What pickles into a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def make_pickles(
    shape: tuple[int, ...], key: str, *, protocol: int = 2
) -> tuple[Raw, dict[str, bytes]]:
    """Two images a class of three classes, and one; in the order of a shuffle."""
    generator, arrays, contents = np.random.default_rng(0), {}, {}
    for split, n in (("train", 6), ("test", 3)):
        x = generator.integers(0, 256, (n, *shape), dtype=np.uint8)
        y = np.arange(n)[::-1] % 3
        arrays |= {f"{split}_x": x, f"{split}_y": y}
        contents[split] = pickle.dumps({key: x, "labels": y.astype(np.uint8)}, protocol)
    return arrays, contents


def write_zip(archive: Path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in contents.items():
            opened.writestr(name, content)
