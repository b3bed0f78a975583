"""What the tests of data sets ask of what was read, and of what was refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cifar_files import Raw

from benchmarks import data
from benchmarks.data import cache
from benchmarks.errors import BadInput


def assert_holds(arrays: data.Arrays, expected: Raw) -> None:
    """The arrays are these, as uint8 and int64."""
    for name in cache.NAMES:
        got = getattr(arrays, name)
        assert got.dtype == (np.uint8 if name.endswith("x") else np.int64)
        np.testing.assert_array_equal(got, expected[name])


def one_line(error: pytest.ExceptionInfo[BadInput], *words: str) -> None:
    """The message is one line with these words in it."""
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def refused(name: str, folder: Path, *words: str) -> None:
    """Loading fails with these words and leaves no cache."""
    with pytest.raises(BadInput) as error:
        data.load(name, folder)
    one_line(error, *words)
    assert not (folder / name / "manifest.json").exists()


def flip_last_bit(file: Path) -> None:
    """Damage that no size shows."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
