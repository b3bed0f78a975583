"""Downloads that resume: the only place of the package that opens a connection.

A file grows under ``<name>.part`` and gets its name once its md5 is right. What an interrupted
download leaves is continued by the next one, from any address.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

from benchmarks.data.cache import file_digest
from benchmarks.data.messages import plain
from benchmarks.data.part_file import PartFile

REACH_S = 8.0
"""Seconds in which a server has to answer at all, name look-up included."""
STALL_S = 30.0
"""Seconds without a byte after which a connection is given up."""
PROGRESS_S = 10.0
"""Seconds between two lines on how far a download is."""
ATTEMPTS = 5
"""Requests to one address, of which each but the first continues what was cut short."""
BLOCK = 1 << 18
"""Bytes read at once, at most."""


class DownloadFailed(Exception):
    """No address gave the file; the message, one line, says what each of them did."""


class _Cut(Exception):
    """An answer was unusable or ended too soon; asking again may complete the file."""


def is_offline() -> bool:
    """Whether environment NESS_OFFLINE (which ``--offline`` sets) forbids every connection."""
    return os.environ.get("NESS_OFFLINE", "") not in {"", "0"}


def download(urls: Sequence[str], target: Path, md5: str | None) -> None:
    """Bring a file to ``target`` from the first of ``urls`` that gives it whole.

    ``md5``: checked before the file gets its name; without one only its length is, where the
    server states it. Raises `DownloadFailed`, offline at once. An `OSError` is of the disk.
    """
    if is_offline():
        raise DownloadFailed("--offline or NESS_OFFLINE=1 forbids it")
    if target.exists():  # it got its name when it was whole
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = PartFile(target)
    failures = []
    for url in urls:
        try:
            _fetch(url, part, md5)
        except DownloadFailed as error:
            failures.append(f"{url}: {plain(error)}")
        else:
            part.finish()
            return
    raise DownloadFailed("; ".join(failures))


def _fetch(url: str, part: PartFile, md5: str | None) -> None:
    while True:
        _complete(url, part, md5)
        if md5 is None or (found := file_digest(part.path, "md5")) == md5:
            return
        had_old_bytes = part.has_old_bytes
        part.discard()
        # What an earlier download left may have been of another file: once more without it.
        if not had_old_bytes:
            raise DownloadFailed(f"what it sent has the md5 {found}, not {md5}")


def _complete(url: str, part: PartFile, md5: str | None) -> None:
    for attempt in range(ATTEMPTS):
        if md5 is None and part.validator(url) is None:
            part.discard()  # nothing would tell whether the rest is of the same file
        try:
            _request(url, part)
            return
        except _Cut as error:
            if attempt == ATTEMPTS - 1:
                raise DownloadFailed(f"{error}; asked {ATTEMPTS} times") from error


def _request(url: str, part: PartFile) -> None:
    have, validator = part.size, part.validator(url)
    request = urllib.request.Request(url, headers={"User-Agent": "ness-cl"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator:
            request.add_header("If-Range", validator)
    try:
        with _open(request) as response:
            _save(response, url, part)
    except HTTPError as error:
        error.close()
        if error.code != 416 or not have:
            raise DownloadFailed(f"HTTP {error.code} {error.reason}") from error
        # Nothing comes after what is there: it is the whole file, or of a longer one.
        if error.headers.get("Content-Range", "").rpartition("/")[2] != str(have):
            part.discard()
            raise _Cut("the file there is shorter than what an earlier download left") from error


def _save(response: HTTPResponse, url: str, part: PartFile) -> None:
    headers = response.headers
    validator = _validator(headers.get("ETag"), headers.get("Last-Modified"))
    if response.status == 206:
        start = headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if start != str(part.size) or part.validator(url) not in {None, validator}:
            part.discard()
            raise _Cut("it sent another part of the file than was asked for")
    else:
        part.begin(url, validator)
    have = part.size
    total = None if response.length is None else have + response.length
    size = "unknown size" if total is None else f"{total / 1e6:.1f} MB"
    since = f", continued at {have / 1e6:.1f} MB" if have else ""
    print(f"downloading {url} ({size}{since})", file=sys.stderr, flush=True)
    said = time.monotonic()
    with part.path.open("ab") as file:
        for block in _blocks(response):
            have += file.write(block)
            if time.monotonic() - said >= PROGRESS_S:
                said = time.monotonic()
                print(f"  {have / 1e6:.1f} MB of {size}", file=sys.stderr, flush=True)
    if total is not None and part.size != total:
        raise _Cut(f"it ended after {part.size:,} of {total:,} bytes")


def _validator(etag: str | None, modified: str | None) -> str | None:
    """What tells one version of a file from others: a weak ETag does not."""
    return etag if etag and not etag.startswith("W/") else modified


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    try:
        # Not read(), which would lose what it holds when the rest fails to come.
        while block := response.read1(BLOCK):
            yield block
    except (OSError, HTTPException) as error:
        raise _Cut(f"it broke off ({error or type(error).__name__})") from error


def _open(request: urllib.request.Request) -> HTTPResponse:
    """The answer, whose body is yet to be read; raises `HTTPError` and `DownloadFailed`.

    Asked for in a thread, because no timeout of Python's covers the look-up of a name.
    """
    answers: list[HTTPResponse] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            answers.append(urllib.request.urlopen(request, timeout=STALL_S))
        except Exception as error:  # http.client has errors that are no OSError
            failures.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_S)
    if answers:
        return answers[0]
    if not failures:
        raise DownloadFailed(f"no answer in {REACH_S:g} s")
    if isinstance(failures[0], HTTPError):
        raise failures[0]
    raise DownloadFailed(str(failures[0]) or type(failures[0]).__name__) from failures[0]
