"""A user's folder of images: what becomes of it, and what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

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


def test_what_is_transparent_is_black(folder: Path) -> None:
    Image.new("RGBA", (9, 9), (255, 0, 0, 0)).save(folder / "train" / "ant" / "0.png")
    assert image_folder.read_image(folder / "train" / "ant" / "0.png", 4).max() == 0


def test_names_of_any_bytes_are_names(folder: Path) -> None:
    before = images(folder).data_hash
    place = folder / "train" / "ant"
    try:
        (place / "0.png").rename(place / os.fsdecode(b"\xff.png"))
    except OSError:
        pytest.skip("this file system has no such names")
    assert images(folder).data_hash != before


def test_what_macos_adds_to_a_zip_is_no_class(folder: Path) -> None:
    shutil.copytree(folder / "train" / "ant", folder / "train" / "__MACOSX" / "ant")
    (folder / "test" / "ant" / "._0.png").write_bytes(b"\x00\x05\x16\x07")
    assert images(folder).class_names == NAMES


def dangling(folder: Path) -> None:
    (folder / "train" / "ant" / "9.png").symlink_to("/nowhere/9.png")


def sixteen_bits(folder: Path) -> None:
    Image.fromarray(np.full((9, 9), 30_000, np.uint16)).save(folder / "train" / "ant" / "9.png")


def another_kind(folder: Path) -> None:
    Image.new("L", (9, 9)).save(folder / "train" / "ant" / "9.webp")


def below(folder: Path) -> None:
    (folder / "train" / "ant" / "9.png").mkdir()
    shutil.copy(folder / "train" / "ant" / "0.png", folder / "train" / "ant" / "9.png" / "1.png")


def beside(folder: Path) -> None:
    shutil.copy(folder / "train" / "ant" / "0.png", folder / "train" / "9.png")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dangling, r"ant/9.png: cannot be read \(No such file"),
        (sixteen_bits, r"ant/9.png: its pixels have 16 bits or more"),
        (another_kind, r"ant/9.webp: an image that would not be read, .* save it as .png"),
        (below, r"ant/9.png/1.png: an image that would not be read, .* folder of its class"),
        (beside, r"train/9.png: an image of no class"),
    ],
)
def test_files_that_are_not_read(folder: Path, change: Any, words: str) -> None:
    change(folder)
    with pytest.raises(BadInput, match=words) as error:
        images(folder)
    assert "\n" not in str(error.value)


def test_a_folder_named_as_an_image_is_none(folder: Path) -> None:
    before = images(folder).data_hash
    (folder / "train" / "ant" / "9.png").mkdir()
    assert images(folder).data_hash == before


def test_an_unreadable_file_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(BadInput, match=r"train/ant/0.png: cannot be read \(Permission denied\)"):
        images(folder)


def test_images_that_no_memory_holds(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"size = 9000000: \d images of that take .*give a smaller"):
        images(folder, size=9_000_000)


@pytest.mark.parametrize(
    ("value", "words"),
    [("", "name the folder"), (" ", "name the folder"), ("~nosuchuser/x", "no such user; write")],
)
def test_folders_that_are_none(value: str, words: str) -> None:
    with pytest.raises(BadInput, match=rf"stream_args.folder = '{value}': .*{words}"):
        STREAMS["from_folder/til"](folder=value, tasks=1, classes_per_task=2, context=Context())
