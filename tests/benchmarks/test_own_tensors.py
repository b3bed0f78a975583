"""A user's file of tensors: what becomes of it, and what is refused."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_tensors import arrays, save, tensors
from small_runs import run_spec

from benchmarks.build import build_model
from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS
from benchmarks.streams.stream import Context


@pytest.mark.parametrize("scenario", ["til", "cil", "dil"])
@pytest.mark.parametrize("suffix", ["npz", "pt"])
def test_uint8_images_are_scaled_to_one(tmp_path: Path, suffix: str, scenario: str) -> None:
    made, file = arrays(), tmp_path / f"own.{suffix}"
    save(file, made)
    stream = tensors(file, scenario)
    assert stream.heads == {"til": [2, 2], "cil": [4], "dil": [2]}[scenario]
    assert stream.input_shape == (3, 5, 5)
    x = stream.tasks[1].test.x
    assert np.array_equal(x.numpy(), made["test_x"][4:])
    assert torch.equal(stream.normalisation(x), x.float() / 255)


def test_float_vectors_are_taken_as_they_are(tmp_path: Path) -> None:
    made = arrays((7,), np.float32)
    save(tmp_path / "own.pt", made)
    stream = tensors(tmp_path / "own.pt", "cil")
    x = stream.tasks[0].test.x
    assert x.dtype == torch.float32
    assert np.array_equal(stream.normalisation(x).numpy(), made["test_x"][:4])
    scaled = tensors(tmp_path / "own.pt", mean=[1.0] * 7, std=[2.0])
    assert torch.equal(scaled.normalisation(x), (x - 1) / 2)
    model = build_model(run_spec("naive", "stream=split_digits/cil"), stream)
    assert model(stream.normalisation(x), torch.zeros(len(x), dtype=torch.int64)).shape == (4, 4)


def test_both_kinds_of_file_are_the_same_stream(tmp_path: Path) -> None:
    for suffix in ("npz", "pt"):
        save(tmp_path / f"own.{suffix}", arrays())
    one, two = tensors(tmp_path / "own.npz"), tensors(tmp_path / "own.pt")
    assert (one.data_hash, one.split_hash) == (two.data_hash, two.split_hash)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"test_y": None}, "holds no array 'test_y', it has test_x, train_x, train_y"),
        ({"train_x": np.zeros((16, 3, 5, 5))}, "train_x is float64 of shape .*uint8 or float32"),
        ({"train_x": np.zeros((16, 5, 5), np.uint8)}, "add a channel axis: train_x.:, None. is"),
        ({"train_x": np.zeros((16, 1, 2, 5, 5), np.uint8)}, "train_x is uint8 .*or .N, D."),
        ({"test_x": np.zeros((8, 3, 4, 4), np.uint8)}, "test_x uint8 of .3, 4, 4.; make them"),
        ({"train_x": np.full((16, 4), np.nan, np.float32)}, "train_x holds NaN or infinity"),
        ({"train_y": np.zeros(15, np.int64)}, "train_y is int64 of shape .15,.*16 samples"),
        ({"train_y": np.zeros(16, np.float32)}, "train_y is float32 .*one integer for each"),
        ({"train_y": np.arange(16) - 1}, "train_y holds the label -1; number classes from 0"),
        ({"train_y": np.arange(16) % 2}, "class 2 has no train images"),
        ({"train_y": np.arange(16) + 2**40}, "train_y holds the label 1099511627791, .* are 16"),
        ({"train_y": np.full(16, 16)}, "train_y holds the label 16, and there are 16 training"),
        ({"test_y": np.full(8, 3_000_000_000)}, "test_y holds the label 3000000000, .* are 16"),
        ({"train_y": np.full(16, 2**63 + 5, np.uint64)}, "the label 9223372036854775813"),
    ],
)
@pytest.mark.parametrize("suffix", ["npz", "pt"])
def test_arrays_that_do_not_fit(
    tmp_path: Path, changes: dict[str, Any], words: str, suffix: str
) -> None:
    made = {k: v for k, v in (arrays() | changes).items() if v is not None}
    save(tmp_path / f"own.{suffix}", made)
    with pytest.raises(BadInput, match=words):
        tensors(tmp_path / f"own.{suffix}")


class Exploit:
    """Makes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.touch, (self.target,))


def test_no_file_runs_code_of_its_own(tmp_path: Path) -> None:
    made, target = arrays(), tmp_path / "owned"
    torch.save({**made, "train_x": Exploit(target)}, tmp_path / "own.pt")
    np.savez(
        tmp_path / "own.npz", **made | {"train_x": np.array([Exploit(target)] * 16, dtype=object)}
    )
    for suffix in ("pt", "npz"):
        with pytest.raises(BadInput, match=r"cannot be read .*; save a dict of plain tensors"):
            tensors(tmp_path / f"own.{suffix}")
    assert not target.exists()


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"own.npz: cannot be read \(.*No such file"):
        tensors(tmp_path / "own.npz")
    with pytest.raises(BadInput, match=r"own.csv': give a .npz or a .pt file"):
        tensors(tmp_path / "own.csv")
    for suffix in ("npz", "pt"):
        (tmp_path / f"own.{suffix}").write_bytes(b"PK\x03\x04 torn")
        with pytest.raises(BadInput, match="cannot be read"):
            tensors(tmp_path / f"own.{suffix}")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(BadInput, match="holds no dict of tensors"):
        tensors(tmp_path / "list.pt")


def test_numbers_of_the_other_byte_order_and_suffixes_in_capitals(tmp_path: Path) -> None:
    made = arrays((7,), np.float32)
    save(tmp_path / "own.npz", made)
    swapped = {name: array.astype(array.dtype.newbyteorder()) for name, array in made.items()}
    assert not swapped["train_x"].dtype.isnative
    save(tmp_path / "swapped.npz", swapped)
    (tmp_path / "swapped.npz").rename(tmp_path / "SWAPPED.NPZ")
    one, two = tensors(tmp_path / "own.npz"), tensors(tmp_path / "SWAPPED.NPZ")
    assert (one.data_hash, one.split_hash) == (two.data_hash, two.split_hash)


def test_channels_that_seem_to_be_last_are_said(tmp_path: Path) -> None:
    save(tmp_path / "last.npz", arrays((5, 5, 3)))
    with pytest.warns(UserWarning, match=r"last.npz: .*\(5, 5, 3\) .* put them first"):
        tensors(tmp_path / "last.npz")
    for shape in ((3, 5, 5), (3, 5, 3), (5, 5, 5), (3,)):
        save(tmp_path / "first.npz", arrays(shape))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tensors(tmp_path / "first.npz")


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(16, 3, dtype=torch.bfloat16), "train_x is a torch.bfloat16 tensor"),
        (torch.zeros(16, 3).to_sparse(), "train_x is a .* torch.sparse_coo"),
        (torch.zeros(16, 3, device="meta"), "train_x is a .* on meta"),
        ([1, 2], "train_x is a list"),
    ],
)
def test_values_that_are_no_plain_tensors(tmp_path: Path, value: Any, words: str) -> None:
    made = {name: torch.from_numpy(array) for name, array in arrays((3,), np.float32).items()}
    torch.save(made | {"train_x": value}, tmp_path / "own.pt")
    with pytest.raises(BadInput, match=rf"own.pt: {words}.*; make it a plain tensor"):
        tensors(tmp_path / "own.pt")


def test_a_tensor_with_a_gradient_is_taken(tmp_path: Path) -> None:
    made = {name: torch.from_numpy(array) for name, array in arrays((3,), np.float32).items()}
    torch.save(made | {"train_x": made["train_x"].requires_grad_()}, tmp_path / "own.pt")
    assert not tensors(tmp_path / "own.pt").tasks[0].train.x.requires_grad


def test_keys_that_are_no_names(tmp_path: Path) -> None:
    torch.save({0: torch.zeros(3), "a": torch.zeros(3)}, tmp_path / "own.pt")
    with pytest.raises(BadInput, match="holds no array 'train_x', it has 0, a; give it train_x"):
        tensors(tmp_path / "own.pt")


def text(file: Path) -> None:
    file.write_text("hello world\n" * 10)


def one_array(file: Path) -> None:
    with file.open("wb") as opened:
        np.save(opened, np.zeros(3))


def members_of_text(file: Path) -> None:
    archive(file, b"hello")


def members_of_many_rows(file: Path) -> None:
    header = io.BytesIO()
    claim = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 3, 8, 8)}
    np.lib.format.write_array_header_1_0(header, claim)
    archive(file, header.getvalue())


def archive(file: Path, member: bytes) -> None:
    with zipfile.ZipFile(file, "w") as opened:
        for name in arrays():
            opened.writestr(f"{name}.npy", member)


@pytest.mark.parametrize(
    ("make", "suffix", "words"),
    [
        (text, "npz", "it is no archive of numpy.savez"),
        (text, "pt", "no plain tensors, or was not made by torch.save"),
        (one_array, "npz", "it is no archive of numpy.savez"),
        (members_of_text, "npz", "train_x in it is no .npy array"),
        (members_of_many_rows, "npz", "claims more bytes than there is memory for"),
        (Path.mkdir, "npz", "Is a directory"),
        (Path.mkdir, "pt", "Is a directory"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, make: Any, suffix: str, words: str) -> None:
    file = tmp_path / f"own.{suffix}"
    make(file)
    with pytest.raises(BadInput, match=rf"^{file}: cannot be read \(.*{words}") as error:
        tensors(file)
    assert "\n" not in str(error.value)


def test_the_advice_to_run_the_code_of_a_file_is_not_passed_on(tmp_path: Path) -> None:
    torch.save({**arrays(), "train_x": Exploit(tmp_path / "owned")}, tmp_path / "own.pt")
    with pytest.raises(BadInput, match="it holds objects that are no plain tensors") as error:
        tensors(tmp_path / "own.pt")
    assert "weights_only" not in str(error.value)


@pytest.mark.parametrize("value", ["", "~nosuchuser/own.npz"])
def test_a_path_that_is_none_is_named(value: str) -> None:
    with pytest.raises(BadInput, match=rf"stream_args.file = '{value}': (name|.*no such user)"):
        STREAMS["from_tensors/til"](file=value, tasks=1, classes_per_task=2, context=Context())
