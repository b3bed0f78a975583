"""Foreign pickles: what arrays need is read, whatever else they would call is refused."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cifar_files import Raw
from data_checks import assert_holds, refused
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from benchmarks import data
from benchmarks.data import archives, cache, mini_imagenet, notmnist
from benchmarks.data.pickles import read_pickle
from benchmarks.errors import BadInput

NUMBERS = ["u1", "i1", "<i4", "<i8", "<f4", "<f8", ">i4", "?"]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


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


class Calls:
    """What pickles into a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


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


def test_no_dictionary_and_no_pickle() -> None:
    for content, word in ((pickle.dumps([1]), "list"), (b"<html>", "damaged"), (b"", "damaged")):
        with pytest.raises(BadInput, match=f"FILE: .*{word}"):
            read_pickle(content, "FILE")


# The data sets that come as pickles -------------------------------------------------------


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


@pytest.fixture
def three_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notmnist, "CLASSES", 3)
    monkeypatch.setattr(mini_imagenet, "CLASSES", 3)


@pytest.mark.usefixtures("three_classes")
@pytest.mark.parametrize("place", ["zip", "zip with folders", "notmnist", "."])
def test_notmnist_of_the_papers(folder: Path, place: str) -> None:
    expected, contents = make_pickles((1, 32, 32), "features", protocol=4)
    files = {notmnist.PICKLES[split]: content for split, content in contents.items()}
    if place.startswith("zip"):
        inside = "notmnist/" if "folders" in place else ""
        junk = {"__MACOSX/._notmnist_train.pkl": b"", "__MACOSX/notmnist_train.pkl": b"junk"}
        write_zip(
            folder / "notmnist.zip", {inside + name: file for name, file in files.items()} | junk
        )
    else:
        (folder / place).mkdir(exist_ok=True)
        for name, file in files.items():
            (folder / place / name).write_bytes(file)
    arrays = data.load("notmnist", folder)
    for split in ("train", "test"):
        expected[f"{split}_x"] = expected[f"{split}_x"].transpose(0, 2, 3, 1)
    assert_holds(arrays, expected)
    assert arrays.source == "pickles"
    names = {"notmnist.zip"} if place.startswith("zip") else set(files)
    assert set(cache.read_manifest(folder / "notmnist").files) == names


@pytest.mark.usefixtures("three_classes")
@pytest.mark.parametrize("place", ["miniimagenet", "MiniImageNet"])
@pytest.mark.parametrize("kind", ["array", "lists", "floats"])
def test_miniimagenet_of_the_papers(folder: Path, place: str, kind: str) -> None:
    expected, contents = make_pickles((84, 84, 3), "images")
    (folder / place).mkdir()
    for split in ("train", "test"):
        x, y = expected[f"{split}_x"], expected[f"{split}_y"]
        if kind == "lists":
            contents[split] = pickle.dumps({"images": list(x), "labels": y.tolist()})
        elif kind == "floats":
            contents[split] = pickle.dumps({"images": x.astype("f4"), "labels": y.astype("f8")})
        (folder / place / f"{split}.pkl").write_bytes(contents[split])
    assert_holds(data.load("miniimagenet", folder), expected)


@pytest.mark.usefixtures("three_classes")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": np.zeros((6, 84, 84), np.uint8)}, "shape (6, 84, 84)"),
        ({"images": np.zeros((6, 32, 32, 3), np.uint8)}, "shape (6, 32, 32, 3)"),
        ({"images": np.full((6, 84, 84, 3), 0.5)}, "no whole numbers from 0 to 255"),
        ({"images": np.full((6, 84, 84, 3), 300)}, "no whole numbers from 0 to 255"),
        ({"images": np.full((6, 84, 84, 3), np.nan)}, "no whole numbers from 0 to 255"),
        ({"images": [np.zeros((84, 84, 3)), np.zeros((83, 84, 3))]}, "not of one size"),
        ({"labels": [0, 1, 2]}, "not 6 numbers"),
        ({"labels": [1, 2, 3, 1, 2, 3]}, "not 0 to 2"),
        ({"labels": [0, 1, 1, 0, 1, 1]}, "not 0 to 2"),
        ({"labels": list("abcabc")}, "not 6 numbers"),
    ],
)
def test_other_contents_are_refused(folder: Path, changes: dict[str, Any], words: str) -> None:
    expected, contents = make_pickles((84, 84, 3), "images")
    (folder / "miniimagenet").mkdir()
    train = {"images": expected["train_x"], "labels": expected["train_y"], **changes}
    for split, content in (contents | {"train": pickle.dumps(train)}).items():
        (folder / "miniimagenet" / f"{split}.pkl").write_bytes(content)
    refused("miniimagenet", folder, str(folder / "miniimagenet" / "train.pkl"), words)


@pytest.mark.usefixtures("three_classes")
def test_an_evil_pickle_in_a_zip(folder: Path) -> None:
    evil = pickle.dumps({"features": Calls(os.system, f"touch {folder / 'evil'}")})
    write_zip(folder / "notmnist.zip", dict.fromkeys(notmnist.PICKLES.values(), evil))
    refused("notmnist", folder, str(folder / "notmnist.zip"), "notmnist_train.pkl", "posix.system")
    assert not (folder / "evil").exists()


@pytest.mark.usefixtures("three_classes")
def test_no_zip_writes_elsewhere(folder: Path) -> None:
    _, contents = make_pickles((1, 32, 32), "features")
    files = {f"../{notmnist.PICKLES[split]}": content for split, content in contents.items()}
    write_zip(folder / "notmnist.zip", files | {"../outside": b"evil", "/tmp/ness evil": b"evil"})
    data.load("notmnist", folder)
    assert {path.name for path in folder.parent.iterdir()} == {"data"}
    assert not Path("/tmp/ness evil").exists()


@pytest.mark.parametrize("damage", ["no zip", "cut", "flipped", "member", "twice", "too large"])
def test_a_damaged_zip_is_named(folder: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = folder / "notmnist.zip"
    files = dict.fromkeys(notmnist.PICKLES.values(), pickle.dumps({"a": os.urandom(2000)}))
    if damage == "member":
        files.popitem()
    elif damage == "twice":
        files |= {f"copy/{name}": content for name, content in files.items()}
    elif damage == "too large":
        monkeypatch.setattr(archives, "LARGEST", 1000)
    write_zip(archive, files)
    content = bytearray(archive.read_bytes())
    if damage == "no zip":
        content = bytearray(b"<html>")
    elif damage == "cut":
        del content[-100:]
    elif damage == "flipped":
        content[500] ^= 1
    archive.write_bytes(content)
    refused("notmnist", folder, str(archive), "delete it and get it again")
