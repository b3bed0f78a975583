"""What a data set is to the cache: where its files may lie, and how to come by it."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.data.cache import Arrays, NotCached, read, store
from benchmarks.data.download import DownloadFailed, download, is_offline
from benchmarks.data.locks import locked, writing
from benchmarks.data.messages import BadFile
from benchmarks.errors import BadInput

RawArrays = Mapping[str, NDArray[Any]]
"""The four arrays of `benchmarks.data.cache.NAMES`, in memory."""


@dataclass(frozen=True)
class Found:
    """Files from which a data set can be made."""

    source: str
    """A word for the manifest on what they are."""
    path: Path
    """The folder or file that they are."""
    read: Callable[[], RawArrays]
    """Reads and checks them; raises `BadInput` naming the damaged file; see `DataSet.read`."""
    files: tuple[Path, ...] = ()
    """Archives whose sha256 the manifest keeps."""


@dataclass(frozen=True)
class Remote:
    """A file that a data set is made from, and where it is had."""

    path: str
    """Where it belongs, relative to the data folder."""
    urls: tuple[str, ...]
    """Addresses, tried in order."""
    md5: str | None = None
    """As published; none where nobody publishes one."""


@dataclass(frozen=True)
class DataSet:
    """A data set that the cache can hold."""

    name: str
    """Of its folder in the cache, and on the command line."""
    title: str
    files: str
    """The files that an import looks for, for messages."""
    find: Callable[[Path], Sequence[Found]]
    """What of it lies in a folder, best first."""
    remotes: tuple[Remote, ...]
    sizes: tuple[int, int] | None
    """Images of the whole published set, train and test; none where its numbers are not known."""
    by_hand: str = ""
    """Why `remotes` cannot be downloaded by a program, where they cannot."""

    def load(self, data: Path) -> Arrays:
        """From the cache in ``data``, else made from files there, else downloaded.

        Raises `BadInput`, in one line, when none of them will do.
        """
        folder = data / self.name
        try:
            return read(folder)
        except NotCached as error:
            missing = f"{self.title} is not in {data} ({error})"
        if not self.find(data) and (reason := self._not_downloadable()):
            raise BadInput(f"{missing} and is not downloaded: {reason}; {self.how_to_get(data)}")
        with locked(folder):
            # Another process may have made it while this one waited.
            with suppress(NotCached):
                return read(folder)
            for found in self.find(data)[:1]:
                return store(folder, found.source, self.read(found), found.files)
            try:
                return self._download(data)
            except DownloadFailed as error:
                raise BadInput(
                    f"{missing} and cannot be downloaded ({error}); {self.how_to_get(data)}"
                ) from error

    def _not_downloadable(self) -> str:
        if self.by_hand:
            return self.by_hand
        return "--offline or NESS_OFFLINE=1 forbids it" if is_offline() else ""

    def _download(self, data: Path) -> Arrays:
        scratch = data / f".{self.name}.download"
        try:
            with writing(scratch):
                for remote in self.remotes:
                    download(remote.urls, scratch / remote.path, remote.md5)
        except DownloadFailed:
            if not any(path.is_file() for path in scratch.rglob("*")):
                shutil.rmtree(scratch)  # nothing to continue
            raise
        try:
            (found,) = self.find(scratch)
            arrays = found.read()
        except Exception as error:
            shutil.rmtree(scratch)  # else the next attempt would take the same files
            if not isinstance(error, BadInput):
                raise
            fault = str(error).replace(f"{scratch}{os.sep}", "")
            raise BadInput(
                f"{self.title}: what was downloaded is damaged or another file ({fault}); it is "
                f"not kept; {self.how_to_get(data)}"
            ) from error
        stored = store(data / self.name, found.source, arrays, found.files)
        shutil.rmtree(scratch)
        return stored

    def read(self, found: Found) -> RawArrays:
        """What the files hold; raises `BadInput` naming a bad or missing one and its address."""
        addresses = {Path(remote.path).name: remote.urls[0] for remote in self.remotes}
        everything = " and ".join(addresses.values())
        try:
            return found.read()
        except BadFile as error:
            raise BadInput(f"{error}; delete it and get {everything} again") from error
        except FileNotFoundError as error:
            path = Path(error.filename)
            address = addresses.get(path.name, everything)
            raise BadInput(
                f"{path}: does not exist, and the others alone will not do; get {address}"
            ) from error
        except OSError as error:
            raise BadInput(
                f"{error.filename or found.path}: cannot be read ({error.strerror or error}); "
                f"change its permissions, or get {everything} again"
            ) from error

    def how_to_get(self, data: Path) -> str:
        """The files, folder and addresses that bring it into ``data`` by hand."""
        files = " and ".join(f"{remote.urls[0]} as {data / remote.path}" for remote in self.remotes)
        return (
            f"save {files}, or run '{import_command(data)}' with the FOLDER that holds {self.files}"
        )


def import_command(data: Path) -> str:
    """What fills the cache in ``data`` from the files in a FOLDER."""
    return f"python -m benchmarks data import FOLDER --data {shlex.quote(str(data))}"
