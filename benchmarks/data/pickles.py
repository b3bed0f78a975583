"""Foreign pickles, read without running what they say: numpy arrays and plain containers only.

A pickle is a program: whatever it names is imported and called. Here it can name what numbers
in arrays need and nothing else; anything else is refused by name before it is called. Its sizes
are not limited: a hostile file can still ask for more memory than there is.
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

from benchmarks.data.messages import BadFile, plain

_ARRAY_TYPE = "the type of an array"
"""Stands for ``numpy.ndarray``, which pickles only hand on: as a class it could be called."""


def read_pickle(content: bytes, where: str) -> dict[str, Any]:
    """The dictionary in a pickle of Python 2 or 3; its byte keys become text.

    Raises `BadFile` naming ``where`` for anything but arrays of numbers, numbers, text and
    plain containers, and for a damaged pickle.
    """
    try:
        loaded = _Restricted(io.BytesIO(content), encoding="latin1").load()
    except Forbidden as error:
        raise BadFile(
            f"{where}: refused: reading this pickle would take {plain(error)}, and a data set "
            f"needs arrays of numbers alone"
        ) from error
    # The unpickler raises whatever the damage happens to look like.
    except Exception as error:
        fault = f"{type(error).__name__}: {plain(error)}"
        raise BadFile(f"{where}: damaged pickle ({fault})") from error
    if not isinstance(loaded, dict):
        raise BadFile(f"{where}: holds a {type(loaded).__name__}, not a dictionary")
    return {
        key.decode("latin1") if isinstance(key, bytes) else key: value
        for key, value in loaded.items()
    }


def entry(loaded: Mapping[str, Any], key: str, where: str | Path) -> Any:
    """``loaded[key]``; raises `BadFile` naming the keys that there are."""
    if key not in loaded:
        keys = plain(", ".join(sorted(repr(key) for key in loaded if isinstance(key, str))))
        raise BadFile(f"{where}: has no {key!r}, only {keys or 'nothing'}: it is another file")
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


class _Only:
    """A function that a pickle may call and may not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise Forbidden("a change of its own reader")


class _Kind:
    """Stands for a ``numpy.dtype`` of numbers.

    numpy takes the flags of a dtype from its pickle, and with wrong ones reads numbers as
    addresses; of all that state only the order of bytes is of use.
    """

    __slots__ = ("dtype",)

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[|<>=]?[biuf][1248]", code):
            raise Forbidden(f"an array of {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order in {"<", ">"}:
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray[Any, Any]):
    """An array whose state holds a `_Kind`."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, kind, by_columns, data = state
        super().__setstate__((version, shape, _dtype(kind), by_columns, data))


def _dtype(kind: object) -> np.dtype[Any]:
    if not isinstance(kind, _Kind):
        raise Forbidden(f"an array of {kind!r}")
    return kind.dtype


def _empty_array(kind: object, shape: object, code: object) -> _Array:
    """``numpy.core.multiarray._reconstruct``: an empty array, whose state comes next."""
    if kind is not _ARRAY_TYPE:
        raise Forbidden(f"an array of type {kind!r}")
    return _Array((0,), "b")


def _number(kind: object, value: object) -> Any:
    """``numpy.core.multiarray.scalar``."""
    data = value.encode("latin1") if isinstance(value, str) else value
    if not isinstance(data, bytes):
        raise Forbidden(f"a number made of a {type(value).__name__}")
    return np.frombuffer(data, _dtype(kind), count=1)[0]


def _array_of(data: Any, kind: object, shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    """``numpy.core.numeric._frombuffer``, of protocol 5."""
    if not isinstance(data, bytes | bytearray):
        raise Forbidden(f"an array made of a {type(data).__name__}")
    return np.frombuffer(bytes(data), _dtype(kind)).reshape(shape, order=order)


def _latin1(text: str, encoding: str) -> bytes:
    """``_codecs.encode``: how Python 3 writes bytes for Python 2."""
    if encoding != "latin1":
        raise Forbidden(f"the codec {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """``bytes()``: how Python 3 writes no bytes for Python 2."""
    return b""


_ALLOWED: Mapping[tuple[str, str], object] = {
    ("numpy", "ndarray"): _ARRAY_TYPE,
    ("numpy", "dtype"): _Only(_Kind),
    ("numpy.core.multiarray", "_reconstruct"): _Only(_empty_array),
    ("numpy.core.multiarray", "scalar"): _Only(_number),
    ("numpy.core.numeric", "_frombuffer"): _Only(_array_of),
    ("_codecs", "encode"): _Only(_latin1),
    ("__builtin__", "bytes"): _Only(_no_bytes),
}
