"""The packed .npz files of shared/data: known by their sha256 before they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.cache import NAMES
from benchmarks.data.checks import require_digest, require_known
from benchmarks.data.image_folders import decode


def read_arrays(path: Path, sha256: str, known: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """The four arrays of an .npz that holds them as they are; raises `BadInput`."""
    _require_intact(path, sha256)
    with np.load(path, allow_pickle=False) as packed:
        arrays = {name: packed[name] for name in NAMES}
    require_known(arrays, known, str(path), "copy it again")
    return arrays


def read_jpegs(
    path: Path, sha256: str, known: Mapping[str, str], size: int
) -> dict[str, NDArray[Any]]:
    """The four arrays of an .npz that holds JPEG files end to end; raises `BadInput`."""
    _require_intact(path, sha256)
    arrays: dict[str, NDArray[Any]] = {}
    with np.load(path, allow_pickle=False) as packed:
        for split in ("train", "test"):
            content, ends = packed[f"{split}_jpeg"].tobytes(), packed[f"{split}_offsets"]
            files = (
                (f"{path}: image {i} of {split}", content[ends[i] : ends[i + 1]])
                for i in range(len(ends) - 1)
            )
            arrays[f"{split}_x"] = decode(files, size, "RGB")
            arrays[f"{split}_y"] = packed[f"{split}_y"]
    require_known(
        arrays,
        known,
        str(path),
        "the file is intact, so this Pillow decodes JPEG otherwise; install another Pillow",
    )
    return arrays


def _require_intact(path: Path, sha256: str) -> None:
    require_digest(path, "sha256", sha256, "copy it again")
