"""A web server on this machine that can be told to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """A file on the server, and what the server does when asked for it."""

    content: bytes
    etag: str | None = '"1"'
    ranges: bool = True
    """Whether it answers a request for the rest with the rest."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes of its body each of the next answers breaks off."""
    heed_if_range: bool = True


@dataclass
class Site:
    """The files of a running server, and what it was asked for."""

    url: str
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Names and Range headers, in order."""


@contextmanager
def site() -> Iterator[Site]:
    """A server on a free port of this machine; its address ends with a slash."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            name, wanted = self.path[1:], self.headers["Range"]
            running.asked.append((name, wanted))
            if name not in running.files:
                self.send_error(404)
                return
            served = running.files[name]
            start, size = 0, len(served.content)
            condition = self.headers["If-Range"]
            same = condition in {None, served.etag} or not served.heed_if_range
            if wanted and served.ranges and same:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= size:
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{size}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            else:
                self.send_response(200)
            if served.etag:
                self.send_header("ETag", served.etag)
            self.send_header("Content-Length", str(size - start))
            self.end_headers()
            body = served.content[start:]
            self.wfile.write(body[: served.cuts.pop(0)] if served.cuts else body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Site(f"http://127.0.0.1:{server.server_address[1]}/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
