"""A user's folder of images and file of tensors: what becomes of them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import run_spec

from benchmarks.build import build_model
from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS, image_folder
from benchmarks.streams.stream import Context, Stream

NAMES = ("ant", "bee", "cat", "dog")
COLOURS = {"ant": (255, 0, 0), "bee": (0, 255, 0), "cat": (0, 0, 255), "dog": (255, 255, 0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four classes of plain images of one colour each, 4 + 2 of them, of several kinds."""
    for split, n in (("train", 4), ("test", 2)):
        for name in NAMES:
            place = tmp_path / split / name
            place.mkdir(parents=True)
            for i in range(n):
                image = Image.new("RGB", (20 + i, 10), COLOURS[name])
                image.save(place / f"{i}.{('png', 'PNG', 'jpg', 'jpeg')[i]}", quality=100)
            (place / "notes.txt").write_text("no image")
            (place / ".hidden.png").write_text("no image")
    (tmp_path / "train" / ".cache").mkdir()
    return tmp_path


def images(folder: Path, scenario: str = "til", **arguments: Any) -> Stream:
    given = {"tasks": 2, "classes_per_task": 2, "size": 8, "valid_share": 0.25} | arguments
    stream = STREAMS[f"from_folder/{scenario}"]
    return stream(folder=str(folder), **given, context=Context())


def tensors(file: Path, scenario: str = "til", **arguments: Any) -> Stream:
    given = {"tasks": 2, "classes_per_task": 2, "valid_share": 0.25} | arguments
    return STREAMS[f"from_tensors/{scenario}"](file=str(file), **given, context=Context())


def arrays(shape: tuple[int, ...] = (3, 5, 5), dtype: Any = np.uint8) -> dict[str, Any]:
    generator, made = np.random.default_rng(0), {}
    for split, n in (("train", 4), ("test", 2)):
        y = np.repeat(np.arange(4), n)
        made[f"{split}_x"] = generator.integers(0, 256, (len(y), *shape)).astype(dtype)
        made[f"{split}_y"] = y
    return made


# Folders ---------------------------------------------------------------------------------


def test_images_become_classes_in_the_order_of_their_names(folder: Path) -> None:
    stream = images(folder, "cil")
    assert stream.class_names == NAMES
    assert stream.describe()["class_names"] == list(NAMES)
    assert stream.input_shape == (3, 8, 8)
    assert stream.heads == [4]
    for t, task in enumerate(stream.tasks):
        assert [len(part) for part in (task.train, task.valid, task.test)] == [6, 2, 4]
        for part in (task.train, task.valid, task.test):
            for x, y in zip(part.x, part.y.tolist(), strict=True):
                colour = torch.tensor(COLOURS[NAMES[y]]).view(3, 1, 1).expand(3, 8, 8)
                assert (x.int() - colour).abs().max() <= 2, "JPEG rounds"
                assert y // 2 == t


def test_images_are_upright_rgb_and_resized(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate a quarter clockwise to show
    lying = Image.new("L", (16, 8), 0)
    lying.paste(255, (0, 0, 8, 8))
    lying.save(tmp_path / "a.jpg", exif=exif, quality=100)
    found = image_folder.read_image(tmp_path / "a.jpg", 4)
    assert found.shape == (4, 4, 3)
    assert found[0].min() > 250
    assert found[-1].max() < 5


def test_only_the_images_of_the_stream_are_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    read = image_folder.read_image

    def count(path: Path, size: int) -> Any:
        decoded.append(path)
        return read(path, size)

    monkeypatch.setattr(image_folder, "read_image", count)
    images(folder, tasks=1, train_per_class=2, test_per_class=1, valid_share=0.5)
    assert len(decoded) == len(set(decoded)) == 2 * (2 + 1)


def test_the_data_hash_is_of_content_and_the_split_hash_of_pixels(folder: Path) -> None:
    first = images(folder)
    assert images(folder).data_hash == first.data_hash
    assert images(folder, size=4).data_hash == first.data_hash
    assert images(folder, size=4).split_hash != first.split_hash
    Image.new("RGB", (20, 10), (9, 9, 9)).save(folder / "test" / "dog" / "0.png")
    assert images(folder).data_hash != first.data_hash


def test_mean_and_std_are_arguments(folder: Path) -> None:
    stream = images(folder, mean=[0.5, 0.25, 0], std=[0.5])
    x = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
    assert stream.normalisation(x).flatten().tolist() == [1.0, 1.5, 2.0]
    with pytest.raises(BadInput, match=r"mean = \[0.1, 0.2\] are 2 numbers; give one, or one"):
        images(folder, mean=[0.1, 0.2])
    with pytest.raises(BadInput, match=r"std = \[0.0\]: give numbers above 0"):
        images(folder, std=[0.0])


def test_what_is_wrong_with_a_folder_is_named(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"/nowhere/train: no such folder; stream_args.folder"):
        images(Path("/nowhere"))
    with pytest.raises(BadInput, match="tasks = 3 with classes_per_task = 2 needs 6 classes"):
        images(folder, tasks=3)
    (folder / "train" / "eel").mkdir()
    with pytest.raises(BadInput, match="'eel' is in train/ and not in test/"):
        images(folder)
    (folder / "test" / "eel").mkdir()
    with pytest.raises(BadInput, match=r"train/eel: holds no .png, .jpg, .jpeg files"):
        images(folder)
    for split in ("train", "test"):
        (folder / split / "eel").rmdir()
    broken = folder / "test" / "bee" / "0.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(BadInput, match=rf"^{broken}: cannot be read as an image"):
        images(folder)


# Files of tensors ------------------------------------------------------------------------


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
        ({"train_x": np.zeros((16, 5, 5), np.uint8)}, "train_x is uint8 of shape .*or .N, D."),
        ({"test_x": np.zeros((8, 3, 4, 4), np.uint8)}, "test_x uint8 of .3, 4, 4.; make them"),
        ({"train_x": np.full((16, 4), np.nan, np.float32)}, "train_x holds NaN or infinity"),
        ({"train_y": np.zeros(15, np.int64)}, "train_y is int64 of shape .15,.*16 samples"),
        ({"train_y": np.zeros(16, np.float32)}, "train_y is float32 .*one integer for each"),
        ({"train_y": np.arange(16) - 1}, "train_y holds the label -1; number classes from 0"),
        ({"train_y": np.arange(16) % 2}, "class 2 has no train images"),
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


def save(file: Path, made: dict[str, Any]) -> None:
    if file.suffix == ".npz":
        np.savez(file, **made)
    else:
        torch.save({k: torch.from_numpy(v) for k, v in made.items()}, file)
