"""Foreign pickles: what arrays need is read, whatever else they would call is refused."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from pickle_files import Calls

from benchmarks.data.pickles import entry, read_pickle
from benchmarks.errors import BadInput

NUMBERS = ["u1", "i1", "<i4", "<i8", "<f4", "<f8", ">i4", "?"]


@given(
    arrays_of.arrays(
        st.sampled_from(NUMBERS), arrays_of.array_shapes(max_dims=4, max_side=4, min_side=0)
    ),
    st.integers(0, pickle.HIGHEST_PROTOCOL),
    st.sampled_from("CF"),
)
def test_arrays_of_numbers_survive(array: np.ndarray, protocol: int, order: Any) -> None:
    content = pickle.dumps({"a": np.asarray(array, order=order)}, protocol)
    got = read_pickle(content, "here")["a"]
    assert got.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_containers_survive(protocol: int) -> None:
    loaded = {
        "labels": [1, 2],
        "names": ("a", "ä"),
        "n": np.int64(3),
        "f": np.float32(0.5),
        "b": b"x",
    }
    assert read_pickle(pickle.dumps(loaded, protocol), "here") == loaded


def test_a_pickle_of_python_2() -> None:
    """Written by hand: `str` there is bytes here, and numpy's module had its old name."""
    content = (
        b"\x80\x02}q\x01(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        b"K\x00\x85U\x01b\x87R(K\x01K\x03\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x03\x00\x7f\xfftbU\x06labels"
        b"]q\x02(K\x05K\x06eu."
    )
    pickletools.dis(content, io.StringIO())
    loaded = read_pickle(content, "here")
    assert loaded["data"].tolist() == [0, 127, 255]
    assert loaded["labels"] == [5, 6]


def test_keys_of_bytes_are_read_as_text() -> None:
    content = pickle.dumps({b"data": 1, "labels": 2, b"\xff": 3})
    assert read_pickle(content, "here") == {"data": 1, "labels": 2, "ÿ": 3}


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (os.system, ("touch {target}",), "posix.system"),
        (subprocess.call, (["touch", "{target}"],), ".call"),
        (eval, ("open('{target}', 'w')",), "eval"),
        (open, ("{target}", "w"), "io.open"),
        (np.load, ("{target}",), "numpy.load"),
        (np.save, ("{target}", 1), "numpy.save"),
        (np.fromfile, ("{target}",), "fromfile"),
        (pickle.loads, (b"N.",), "pickle.loads"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_nothing_else_is_called(
    tmp_path: Path, function: Any, arguments: tuple[Any, ...], named: str, protocol: int
) -> None:
    target = tmp_path / "evil"

    def aimed(argument: Any) -> Any:
        if isinstance(argument, list):
            return [aimed(part) for part in argument]
        return argument.format(target=target) if isinstance(argument, str) else argument

    content = pickle.dumps({"a": Calls(function, *map(aimed, arguments))}, protocol)
    with pytest.raises(BadInput, match="refused: reading this pickle would take") as error:
        read_pickle(content, "FILE")
    assert str(error.value).startswith("FILE: ")
    assert named in str(error.value)
    assert "\n" not in str(error.value)
    assert not target.exists()


@pytest.mark.parametrize(
    "array",
    [
        np.array([Path("x")], dtype=object),
        np.array(["text"]),
        np.zeros(2, [("a", "u1")]),
        np.zeros(2, "M8[s]"),
        np.ma.zeros(2),
    ],
    ids=lambda array: type(array).__name__ + str(array.dtype),
)
def test_only_numbers_in_plain_arrays(array: np.ndarray) -> None:
    with pytest.raises(BadInput, match="refused"):
        read_pickle(pickle.dumps({"a": array}), "FILE")


@pytest.mark.parametrize(
    "content",
    [
        # The allowed names with other arguments than numpy gives them.
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(K\x01tS'b'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\nndarray\nS'x'\ntR.",
        b"cnumpy\nndarray\n(K\x01tR.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'V9'\nI0\nI1\ntR.",
        b"cnumpy.core.numeric\n_frombuffer\n(I9\ncnumpy\ndtype\n(S'u1'\ntR(I9\ntS'C'\ntR.",
        # The reader's own functions, given other attributes.
        b"c_codecs\nencode\n(dS'__doc__'\nS'x'\nsb.",
        b"c_codecs\nencode\n(N(dS'__defaults__'\nNstb.",
    ],
)
def test_allowed_names_do_what_arrays_need_alone(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"FILE: (refused|.*is not callable)"):
        read_pickle(content, "FILE")


@settings(deadline=None)  # a busy machine is no fault
@given(st.data())
def test_damage_is_bad_input_and_never_a_call(draw: st.DataObject) -> None:
    content = bytearray(
        pickle.dumps({"a": np.arange(6, dtype="u1").reshape(2, 3), "b": [1, 2]}, protocol=2)
    )
    for _ in range(draw.draw(st.integers(1, 3))):
        # A length or a memo index of gigabytes would be tried: the high bytes stay.
        content[draw.draw(st.integers(0, len(content) - 1))] ^= 1 << draw.draw(st.integers(0, 4))
    with suppress(BadInput):
        loaded = read_pickle(bytes(content), "FILE")
        assert isinstance(loaded, dict)
        for value in loaded.values():
            # An array with the flags of another kind of array is a way to read any memory.
            if isinstance(value, np.ndarray):
                assert value.dtype.flags == np.dtype(value.dtype.str).flags


def test_flags_of_a_dtype_are_not_taken_from_the_pickle() -> None:
    """numpy would: marked as references, the eight numbers below are addresses to it."""
    kind = np.dtype("u8")
    content = pickle.dumps({"a": np.arange(8, dtype=kind)}, protocol=2)
    end_of_state = b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
    assert content.count(end_of_state) == 1
    evil = content.replace(end_of_state, end_of_state.replace(b"K\x00t", b"K\x3ft"))
    loaded = read_pickle(evil, "FILE")["a"]
    assert loaded.dtype.flags == kind.flags
    assert loaded.tolist() == list(range(8))


def test_text_of_a_pickle_moves_no_cursor() -> None:
    with pytest.raises(BadInput) as error:
        entry({"a\nb": 1, "\x1b[31m": 2, 3: 4}, "images", "FILE")
    assert str(error.value) == (
        r"FILE: has no 'images', only '\x1b[31m', 'a\nb': it is another file"
    )
    with pytest.raises(BadInput) as error:
        read_pickle(b"\x80\x04\x8c\x06a\n\x1b[2J\x8c\x01b\x93.", "FILE")
    assert str(error.value).isprintable()


def test_no_dictionary_and_no_pickle() -> None:
    for content, word in ((pickle.dumps([1]), "list"), (b"<html>", "damaged"), (b"", "damaged")):
        with pytest.raises(BadInput, match=f"FILE: .*{word}"):
            read_pickle(content, "FILE")
