"""What a data set is to the cache: where its files may lie, and how to come by it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.data.cache import Arrays, NotCached, locked, read, store
from benchmarks.errors import BadInput

RawArrays = Mapping[str, NDArray[Any]]
"""The four arrays of `benchmarks.data.cache.NAMES`, in memory."""


@dataclass(frozen=True)
class Found:
    """Files from which a data set can be made."""

    source: str
    """A word for the manifest: ``mosaics``, ``torchvision``."""
    path: Path
    """The folder or archive that they are."""
    read: Callable[[], RawArrays]
    """Reads and checks them; raises `BadInput` naming the damaged file."""


@dataclass(frozen=True)
class DataSet:
    """A data set that the cache can hold."""

    name: str
    """Of its folder in the cache, and on the command line."""
    title: str
    files: str
    """The files that an import looks for, for messages."""
    url: str
    """Where it is downloaded from."""
    find: Callable[[Path], Sequence[Found]]
    """What of it lies in a folder, best first."""
    remote: Callable[[Path], Found]
    """Its download, with the given folder for scratch; raises `OSError` without a network.

    Reading it raises `OSError` or `RuntimeError` for a download that fails.
    """

    def load(self, data: Path) -> Arrays:
        """From the cache in ``data``, else made from files there, else downloaded.

        Raises `BadInput`, in one line, when none of them will do.
        """
        folder = data / self.name
        try:
            return read(folder)
        except NotCached as error:
            reason = str(error)
        try:
            found = next(iter(self.find(data)), None) or self.remote(data)
            with locked(folder):
                # Another process may have made it while this one waited.
                with suppress(NotCached):
                    return read(folder)
                return store(folder, found.source, found.read())
        except (OSError, RuntimeError) as error:
            raise BadInput(
                f"{self.title} is not in {data} ({reason}) and cannot be downloaded "
                f"({' '.join(str(error).split())}); {self.how_to_get(data)}"
            ) from error

    def how_to_get(self, data: Path) -> str:
        """The commands that bring the data set into ``data``."""
        where = shlex.quote(str(data))
        return (
            f"run 'python -m benchmarks data import FOLDER --data {where}' with the FOLDER that "
            f"holds {self.files}, or 'wget -P {where} {self.url}'"
        )
