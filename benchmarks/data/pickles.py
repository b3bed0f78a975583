"""Foreign pickles, read without running what they say: numpy arrays and plain containers only.

A pickle is a program: whatever it names is imported and called. Here it can name what numbers
in arrays need and nothing else; anything else is refused by name before it is called.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BadInput

_ARRAY_TYPE = "the type of an array"
"""Stands for ``numpy.ndarray``, which pickles only hand on: as a class it could be called."""


def read_pickle(content: bytes, where: str) -> dict[str, Any]:
    """The dictionary in a pickle of Python 2 or 3; its byte keys become text.

    Raises `BadInput` naming ``where`` for anything but arrays of numbers, numbers, text and
    plain containers, and for a damaged pickle.
    """
    try:
        loaded = _Restricted(io.BytesIO(content), encoding="latin1").load()
    except Forbidden as error:
        raise BadInput(
            f"{where}: refused, because this pickle would call {error} when read; a data set "
            f"holds arrays alone, so get the file again from its source"
        ) from error
    # The unpickler raises whatever the damage happens to look like.
    except Exception as error:
        raise BadInput(
            f"{where}: damaged pickle ({type(error).__name__}: {error}); get the file again"
        ) from error
    if not isinstance(loaded, dict):
        raise BadInput(f"{where}: holds a {type(loaded).__name__}, not a dictionary")
    return {key.decode() if isinstance(key, bytes) else key: value for key, value in loaded.items()}


def entry(loaded: Mapping[str, Any], key: str, where: str | Path) -> Any:
    """``loaded[key]``; raises `BadInput` naming the keys that there are."""
    if key not in loaded:
        keys = ", ".join(sorted(map(str, loaded)))
        raise BadInput(f"{where}: has no {key!r}, only {keys or 'nothing'}; it is another file")
    return loaded[key]


class Forbidden(Exception):
    """What a pickle asked for that no array needs."""


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in {"numpy._core.multiarray", "numpy._core.numeric"}:
            module = module.replace("_core", "core")
        found = _ALLOWED.get((module, name))
        if found is None:
            raise Forbidden(f"{module}.{name}")
        return found


def _empty_array(kind: object, shape: object, code: object) -> NDArray[Any]:
    """``numpy.core.multiarray._reconstruct``: an empty array, whose state comes next."""
    if kind != _ARRAY_TYPE:
        raise Forbidden(f"an array of type {kind!r}")
    return np.ndarray((0,), "b")


def _number_type(code: object, *_: object) -> np.dtype[Any]:
    """``numpy.dtype`` of numbers only: object arrays could hold anything."""
    if not isinstance(code, str) or not re.fullmatch(r"[|<>=]?[biuf][1248]", code):
        raise Forbidden(f"an array of {code!r}")
    return np.dtype(code, copy=True)


def _number(kind: np.dtype[Any], value: object) -> Any:
    """``numpy.core.multiarray.scalar``."""
    data = value.encode("latin1") if isinstance(value, str) else value
    if not isinstance(kind, np.dtype) or not isinstance(data, bytes):
        raise Forbidden(f"a number made of a {type(value).__name__}")
    return np.frombuffer(data, kind, count=1)[0]


def _array_of(data: Any, kind: np.dtype[Any], shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    """``numpy.core.numeric._frombuffer``, of protocol 5."""
    return np.frombuffer(data, kind).reshape(shape, order=order)


def _latin1(text: str, encoding: str) -> bytes:
    """``_codecs.encode``: how Python 3 writes bytes for Python 2."""
    if encoding != "latin1":
        raise Forbidden(f"the codec {encoding!r}")
    return text.encode("latin1")


_ALLOWED: Mapping[tuple[str, str], str | Callable[..., Any]] = {
    ("numpy", "ndarray"): _ARRAY_TYPE,
    ("numpy", "dtype"): _number_type,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy.core.multiarray", "scalar"): _number,
    ("numpy.core.numeric", "_frombuffer"): _array_of,
    ("_codecs", "encode"): _latin1,
}
