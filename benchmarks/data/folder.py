"""Where the data sets lie."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.errors import BadInput


def data_folder(data_dir: Path | None) -> Path:
    """``data_dir`` if given, else environment NESS_DATA, else the user's cache folder.

    Raises `BadInput` for a ``~name`` without such a user.
    """
    if data_dir is not None:
        return _expanded(data_dir, "--data")
    if named := os.environ.get("NESS_DATA"):
        return _expanded(Path(named), "NESS_DATA")
    from platformdirs import user_cache_path

    return user_cache_path("ness-cl", appauthor=False) / "data"


def _expanded(folder: Path, key: str) -> Path:
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise BadInput(
            f"{key} {folder}: {folder.parts[0]} is no user's home; write the folder in full"
        ) from error
