"""CIFAR as torchvision has it: its folder of pickles, its archive, its download."""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BadInput

REACH_S = 8.0
"""Seconds in which the server has to answer at all, name look-up included."""
STALL_S = 30.0
"""Seconds without a byte after which a download is given up."""


def read_unpacked(kind: Any, root: Path) -> dict[str, NDArray[Any]]:
    """The arrays of ``root/<kind.base_folder>``; torchvision checks each file's md5 first.

    ``kind``: torchvision's data set class. Raises `BadInput` for a missing or damaged file.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for split in ("train", "test"):
        try:
            data = kind(root, train=split == "train", download=False)
        except RuntimeError as error:
            files = ", ".join(name for name, _ in (*kind.train_list, *kind.test_list))
            raise BadInput(
                f"{root / kind.base_folder}: one of {files} is missing or has the wrong md5; "
                f"delete the folder and unpack {kind.filename} again"
            ) from error
        arrays[f"{split}_x"] = np.ascontiguousarray(data.data)
        arrays[f"{split}_y"] = np.asarray(data.targets, dtype="<i8")
    return arrays


def read_archive(kind: Any, archive: Path) -> dict[str, NDArray[Any]]:
    """The arrays of torchvision's archive; its md5 is checked before it is opened."""
    from torchvision.datasets.utils import check_integrity, extract_archive

    if not check_integrity(archive, kind.tgz_md5):
        raise BadInput(
            f"{archive}: its md5 is not {kind.tgz_md5} (cut short or damaged); delete it and "
            f"download {kind.url} again"
        )
    with TemporaryDirectory() as scratch:
        extract_archive(str(archive), scratch)
        return read_unpacked(kind, Path(scratch))


def download(kind: Any, data: Path) -> dict[str, NDArray[Any]]:
    """The arrays after torchvision's own download, which checks the archive's md5.

    Everything is downloaded to a scratch folder in ``data``: a download that was cut short
    leaves no archive that looks whole. Raises `OSError` or `RuntimeError`.
    """
    with TemporaryDirectory(dir=data, prefix=".download-") as scratch, _stalling_at(STALL_S):
        try:
            kind(scratch, download=True)
        except HTTPException as error:  # a connection cut in mid-file; no OSError
            raise OSError(f"{kind.url}: {error!r}") from error
        return read_unpacked(kind, Path(scratch))


def require_reachable(url: str) -> None:
    """Raise `OSError` unless the server answers within `REACH_S` seconds.

    In a thread of its own, because no timeout of Python's covers the look-up of a name.
    """
    failure: list[Exception] = [TimeoutError(f"no answer from {url} in {REACH_S:.0f} s")]

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=REACH_S).close()
            failure.clear()
        except Exception as error:  # http.client has errors that are no OSError
            failure.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_S)
    if failure:
        raise OSError(f"{url}: {failure[-1]}") from failure[-1]


@contextmanager
def _stalling_at(seconds: float) -> Iterator[None]:
    """torchvision opens its connections without a timeout, so with the default one."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
