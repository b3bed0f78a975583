"""Which files in a folder are images, and what their pixels are: for data sets and own data."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from data_checks import one_line
from PIL import Image

from benchmarks.data.image_folders import class_folders, decode, image_files, open_image
from benchmarks.errors import BadInput

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def saved(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


def pixels(path: Path, mode: Literal["L", "RGB"] = "RGB") -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.asarray(open_image(path, mode)).tolist()


def test_images_are_files_that_are_not_hidden(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.jpeg", "._a.JPG", ".DS_Store", "Thumbs.db", "d.webp"):
        (tmp_path / name).touch()
    (tmp_path / "dir.png").mkdir()
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere")
    assert [path.name for path in image_files(tmp_path)] == [
        "a.JPG", "b.png", "c.jpeg", "lost.png",
    ]  # fmt: skip
    with pytest.raises(BadInput) as error:
        open_image(tmp_path / "lost.png", "L")
    one_line(error, str(tmp_path / "lost.png"), "No such file")


def test_classes_are_folders_that_are_not_hidden(tmp_path: Path) -> None:
    for name in ("b", "a", ".git", "__MACOSX"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert [path.name for path in class_folders(tmp_path)] == ["a", "b"]
    assert class_folders(tmp_path / "nowhere") == class_folders(tmp_path / "file") == []


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    ("suffix", "array"),
    [
        (".png", np.full((4, 4), 30000, np.uint16)),
        (".tiff", np.full((4, 4), 30000, np.int32)),
        (".tiff", np.full((4, 4), 0.5, np.float32)),
        (".tiff", np.full((4, 4), 30000, ">u2")),
    ],
)
def test_pixels_of_16_bits_are_refused_and_not_made_white(
    tmp_path: Path, suffix: str, array: Any, mode: Literal["L", "RGB"]
) -> None:
    path = saved(tmp_path / f"deep{suffix}", Image.fromarray(array))
    with pytest.raises(BadInput) as error:
        open_image(path, mode)
    one_line(error, f"{path}: its pixels have 16 bits or more", "save it as 8-bit")


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    red = np.zeros((1, 3, 4), np.uint8)
    red[..., 0], red[0, :, 3] = 200, (0, 255, 51)
    rgba = saved(tmp_path / "rgba.png", Image.fromarray(red))
    assert pixels(rgba) == [[[0, 0, 0], [200, 0, 0], [40, 0, 0]]]

    half = np.full((1, 2, 2), 100, np.uint8)
    half[0, 0, 1] = 0
    half[0, 1, 1] = 255
    assert pixels(saved(tmp_path / "la.png", Image.fromarray(half, "LA")), "L") == [[0, 100]]

    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    palette.putpalette([90, 90, 90] * 3)
    path = saved(tmp_path / "p.png", palette, transparency=b"\x00\xff\xff")
    assert pixels(path, "L") == [[0, 90, 90]]

    grey = Image.fromarray(np.array([[7, 8]], np.uint8))
    assert pixels(saved(tmp_path / "l.png", grey, transparency=7), "L") == [[0, 8]]


def test_opaque_pixels_are_untouched(tmp_path: Path) -> None:
    assert pixels(saved(tmp_path / "grey.png", Image.fromarray(GREY)), "L") == GREY.tolist()
    opaque = np.dstack([GREY, GREY[::-1], GREY, np.full_like(GREY, 255)])
    path = saved(tmp_path / "opaque.png", Image.fromarray(opaque))
    assert pixels(path) == opaque[..., :3].tolist()


def test_images_are_turned_as_their_exif_says(tmp_path: Path) -> None:
    picture = Image.fromarray(GREY)
    exif = picture.getexif()
    exif[0x112] = 3
    path = saved(tmp_path / "turned.png", picture, exif=exif)
    assert pixels(path, "L") == GREY[::-1, ::-1].tolist()


def test_contents_are_named(tmp_path: Path) -> None:
    content = BytesIO()
    Image.fromarray(GREY[:, :3]).save(content, "png")
    got = decode([("first", content.getvalue())], 3, "L")
    np.testing.assert_array_equal(got, GREY[None, :, :3, None])
    for name, damaged in (("second", content.getvalue()[:45]), ("third", b"\x1b[31m\n")):
        with pytest.raises(BadInput) as error:
            decode([(name, damaged)], 3, "L")
        one_line(error, f"{name}: cannot be read as an image", "copy it again or delete it")
