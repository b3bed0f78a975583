"""Files of pretrained weights: found on this machine alone, checked by content, read as tensors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
WRAPPERS = ("state_dict", "model")
"""Keys under which training scripts keep the weights beside an optimiser's state."""


def is_path(weights: str) -> bool:
    """Whether ``backbone_args.weights`` names a file, and not weights of the library."""
    return Path(weights).suffix in SUFFIXES or "/" in weights


def check_content(path: Path, sha256: str) -> None:
    """Raise `ValueError` unless a file has the sha256 of the spec, which names it in full.

    A path says nothing about what lies there: with the sum a run's id stands for its weights.
    """
    actual = sha256_of(path)
    if not sha256:
        raise ValueError(
            f"the weights in {path} decide every number, and a file can change: set "
            f"backbone_args.weights_sha256 = '{actual}'"
        )
    if sha256.lower() != actual:
        raise ValueError(
            f"{path} has the sha256 {actual}, backbone_args.weights_sha256 is {sha256!r}: restore "
            f"the file, or set the sum of this one"
        )


def sha256_of(path: Path) -> str:
    """Of a file's content, in hexadecimal; a file that cannot be read is a `ValueError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(
            f"backbone_args.weights: {path} cannot be read ({error.strerror}); correct the path"
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The state dict in a file of safetensors or of ``torch.save``, on the CPU.

    No code in the file is run. Raises `ValueError` for a file that holds anything else.
    """
    try:
        content = _read(path)
    except ImportError:
        raise ValueError(f'{path} needs the package safetensors: pip install -e ".[vit]"') from None
    except Exception as error:  # what a damaged file raises depends on where it is damaged
        raise ValueError(
            f"{path} holds no tensors that can be read safely ({in_one_line(error)}): save it anew "
            f"with torch.save(model.state_dict(), ...)"
        ) from error
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{path} holds no state dict: save one with torch.save")
    for name, value in content.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{path} holds {type(value).__name__} {name!r} among its tensors: save the state "
                f"dict alone"
            )
    return content


def _read(path: Path) -> Any:
    if path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True)
    from safetensors.torch import load_file

    return load_file(path)


def in_one_line(error: Exception) -> str:
    """An exception's message without its line breaks, 300 characters at most."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."
