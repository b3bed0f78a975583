"""Image files in one folder a class: ``{train,test}/<class>/<image>``.

The rules of what is a class, what is an image and what its pixels are hold for data sets and for
a user's own folders alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.messages import plain
from benchmarks.errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SUFFIXES = (".png", ".jpg", ".jpeg")


def class_folders(folder: Path) -> list[Path]:
    """The folders in ``folder``, sorted by name, also those without an image.

    Hidden ones and what macOS adds to archives are none; a ``folder`` that does not exist has
    none. Raises `BadInput` for one that cannot be read.
    """
    return [path for path in _visible(folder) if path.is_dir()]


def image_files(folder: Path, suffixes: Collection[str] = SUFFIXES) -> list[Path]:
    """The files of these suffixes, in any case, in ``folder`` itself, sorted by name.

    Hidden files and what is no file are none; a link that leads nowhere is one, so that
    `open_image` refuses it. Raises as `class_folders` does.
    """
    return [
        path
        for path in _visible(folder)
        if path.suffix.lower() in suffixes and (path.is_file() or not path.exists())
    ]


def _visible(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot be read ({error.strerror}); change its permissions or copy it"
        ) from error
    # A Mac puts ._x beside x, and the folder __MACOSX into a zip.
    return [path for path in paths if not path.name.startswith((".", "__MACOSX"))]


def open_image(file: Path | tuple[str, bytes], mode: Literal["L", "RGB"]) -> Picture:
    """An image file, or the content of a named one, as a picture of 8-bit pixels.

    Turned as its EXIF says. What is transparent is put on black. Raises `BadInput` naming a
    file that is damaged or has pixels of 16 bits or more.
    """
    from PIL import Image, ImageOps

    name, content = (file, file) if isinstance(file, Path) else (file[0], BytesIO(file[1]))
    try:
        with Image.open(content) as opened:
            # Pillow clips these to 255 where it should scale them.
            if opened.mode.startswith(("I", "F")):
                raise BadInput(
                    f"{name}: its pixels have 16 bits or more (mode {opened.mode}); save it as "
                    f"8-bit"
                )
            picture = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                black = Image.new("RGBA", picture.size, "black")
                picture = Image.alpha_composite(black, picture.convert("RGBA"))
            return picture.convert(mode)
    except BadInput:
        raise
    # Pillow raises whatever the damage makes its decoders stumble over.
    except Exception as error:
        raise BadInput(
            f"{name}: cannot be read as an image ({plain(error) or type(error).__name__}); copy "
            f"it again or delete it"
        ) from error


def decode(
    files: Iterable[Path | tuple[str, bytes]], size: int, mode: Literal["L", "RGB"]
) -> NDArray[np.uint8]:
    """The images (N, size, size, 3 or 1) uint8 in files, or in the contents of named ones.

    Raises `BadInput` as `open_image` does, and naming one that has another size.
    """
    pixels = []
    for file in files:
        picture = open_image(file, mode)
        if picture.size != (size, size):
            name = file if isinstance(file, Path) else file[0]
            width, height = picture.size
            raise BadInput(f"{name}: {width} x {height} pixels; resize it to {size} x {size}")
        pixels.append(np.asarray(picture))
    return np.stack(pixels).reshape(len(pixels), size, size, -1)


def lies_in(folder: Path) -> bool:
    """Whether ``folder/train`` has a folder with an image in it."""
    return any(image_files(path) for path in class_folders(folder / "train"))


def read_images(
    folder: Path, *, classes: int, size: int, mode: Literal["L", "RGB"]
) -> dict[str, NDArray[Any]]:
    """The four arrays, in order of class names and then of file names.

    Images (N, size, size, 3 or 1) uint8; labels (N,) int64, the place of the class among the
    sorted names of folders with an image. Raises `BadInput` as `decode` does, and for a split
    with other classes.
    """
    arrays: dict[str, NDArray[Any]] = {}
    names = _classes(folder / "train")
    for split in ("train", "test"):
        if len(names) != classes or _classes(folder / split) != names:
            raise BadInput(
                f"{folder / split}: holds {len(_classes(folder / split))} folders of images, not "
                f"one for each of the {classes} classes, alike in train and test"
            )
        of_class = [image_files(folder / split / name) for name in names]
        arrays[f"{split}_x"] = decode((path for paths in of_class for path in paths), size, mode)
        arrays[f"{split}_y"] = np.repeat(np.arange(classes, dtype="<i8"), list(map(len, of_class)))
    return arrays


def _classes(folder: Path) -> list[str]:
    return [path.name for path in class_folders(folder) if image_files(path)]
