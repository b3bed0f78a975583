"""Downloads that are cut short, changed, refused or wrong, against a server on this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cifar_files import md5
from web_server import Served, Site, site

from benchmarks.data import download as module
from benchmarks.data.download import ATTEMPTS, DownloadFailed, download

CONTENT = bytes(range(256)) * 40
OTHER = CONTENT[::-1]


@pytest.fixture
def server() -> Iterator[Site]:
    with site() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "file.bin"


def files_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def leave_part(server: Site, target: Path, served: Served, size: int) -> None:
    """An interrupted download: the first ``size`` bytes, and then no answer that helps."""
    name = "file.bin"
    server.files[name] = Served(served.content, served.etag, cuts=[size] + [0] * (ATTEMPTS - 1))
    with pytest.raises(DownloadFailed) as error:
        download([server.url + name], target, md5(served.content))
    assert f"ended after {size:,} of {len(served.content):,} bytes" in str(error.value)
    assert not target.exists()
    assert (target.parent / "file.bin.part").read_bytes() == served.content[:size]
    server.files[name] = served
    server.asked.clear()


@pytest.mark.parametrize("checked", [True, False])
def test_a_whole_file(server: Site, target: Path, checked: bool) -> None:
    server.files["file.bin"] = Served(CONTENT)
    download([f"{server.url}file.bin"], target, md5(CONTENT) if checked else None)
    assert target.read_bytes() == CONTENT
    assert files_beside(target) == ["file.bin"]
    assert server.asked == [("file.bin", None)]


@pytest.mark.parametrize("checked", [True, False])
def test_a_file_that_is_there_is_not_asked_for(server: Site, target: Path, checked: bool) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    download([f"{server.url}file.bin"], target, md5(CONTENT) if checked else None)
    assert server.asked == []


@pytest.mark.parametrize("etag", ['"1"', None])
def test_a_cut_is_continued_at_once(server: Site, target: Path, etag: str | None) -> None:
    server.files["file.bin"] = Served(CONTENT, etag, cuts=[1000, 2000])
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [None, "bytes=1000-", "bytes=3000-"]


def test_an_interrupted_download_is_continued_by_the_next(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT), 5000)
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert files_beside(target) == ["file.bin"]
    assert server.asked == [("file.bin", "bytes=5000-")]


def test_another_address_continues_what_one_began(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT), 5000)
    server.files["mirror.bin"] = server.files.pop("file.bin")
    urls = [f"{server.url}file.bin", f"{server.url}mirror.bin"]
    download(urls, target, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.asked == [("file.bin", "bytes=5000-"), ("mirror.bin", "bytes=5000-")]


def test_without_md5_nothing_unproven_is_continued(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT, etag=None), 5000)
    download([f"{server.url}file.bin"], target, None)
    assert target.read_bytes() == CONTENT
    assert server.asked == [("file.bin", None)]


def test_without_md5_the_same_version_is_continued(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT), 5000)
    download([f"{server.url}file.bin"], target, None)
    assert target.read_bytes() == CONTENT
    assert server.asked == [("file.bin", "bytes=5000-")]


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("heed_if_range", [True, False])
def test_a_file_that_changed_is_begun_anew(
    server: Site, target: Path, heed_if_range: bool, checked: bool
) -> None:
    leave_part(server, target, Served(CONTENT), 5000)
    server.files["file.bin"] = Served(OTHER, '"2"', heed_if_range=heed_if_range)
    download([f"{server.url}file.bin"], target, md5(OTHER) if checked else None)
    assert target.read_bytes() == OTHER


def test_a_server_that_ignores_ranges_sends_all_of_it(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT, ranges=False), 5000)
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.asked == [("file.bin", "bytes=5000-")]


def test_a_part_that_is_whole_needs_no_more(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT), 5000)
    (target.parent / "file.bin.part").write_bytes(CONTENT)
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert server.asked == [("file.bin", f"bytes={len(CONTENT)}-")]


@pytest.mark.parametrize("size", [5000, len(CONTENT), len(CONTENT) + 1])
def test_a_part_of_another_file_is_thrown_away(server: Site, target: Path, size: int) -> None:
    leave_part(server, target, Served(CONTENT, etag=None), 5000)
    (target.parent / "file.bin.part").write_bytes(b"x" * size)
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [f"bytes={size}-", None]


def test_a_wrong_checksum_leaves_nothing(server: Site, target: Path) -> None:
    server.files["file.bin"] = Served(OTHER)
    with pytest.raises(DownloadFailed) as error:
        download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert f"{server.url}file.bin: " in str(error.value)
    assert md5(OTHER) in str(error.value)
    assert md5(CONTENT) in str(error.value)
    assert files_beside(target) == []
    assert len(server.asked) == 1


@pytest.mark.parametrize("checked", [True, False])
def test_a_body_that_is_too_short_is_no_file(server: Site, target: Path, checked: bool) -> None:
    served = Served(CONTENT, ranges=False, cuts=[9000] * ATTEMPTS)
    server.files["file.bin"] = served
    with pytest.raises(DownloadFailed, match=r"ended after 9,000 of 10,240 bytes"):
        download([f"{server.url}file.bin"], target, md5(CONTENT) if checked else None)
    assert not target.exists()
    assert len(server.asked) == ATTEMPTS


def test_addresses_are_tried_in_order_and_all_named(server: Site, target: Path) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    refused = f"http://127.0.0.1:{closed.getsockname()[1]}/file.bin"
    closed.close()
    server.files |= {"wrong.bin": Served(OTHER), "right.bin": Served(CONTENT)}
    bad = [f"{server.url}nowhere.bin", refused, f"{server.url}wrong.bin"]
    with pytest.raises(DownloadFailed) as error:
        download(bad, target, md5(CONTENT))
    said = str(error.value)
    assert "\n" not in said
    assert [said.index(url) for url in bad] == sorted(said.index(url) for url in bad)
    assert "HTTP 404" in said
    assert "refused" in said
    download([*bad, f"{server.url}right.bin"], target, md5(CONTENT))
    assert target.read_bytes() == CONTENT


def test_what_a_server_says_moves_no_cursor(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def answer() -> None:
            with rude.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 500 \x1b[31mred\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DownloadFailed) as error:
            download([f"http://127.0.0.1:{rude.getsockname()[1]}/file.bin"], target, None)
        thread.join()
    assert "HTTP 500" in str(error.value)
    assert str(error.value).isprintable()


def test_a_server_that_never_answers_is_given_up_soon(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REACH_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/file.bin"
        started = time.perf_counter()
        with pytest.raises(DownloadFailed, match=r"no answer in 0\.3 s"):
            download([url], target, None)
    assert time.perf_counter() - started < 3


def test_a_connection_that_stalls_is_given_up_and_what_came_is_kept(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.2)
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        given_up = threading.Event()

        def answer_and_stall() -> None:
            with mute.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                given_up.wait(60)

        thread = threading.Thread(target=answer_and_stall)
        thread.start()
        with pytest.raises(DownloadFailed, match="broke off"):
            download([f"http://127.0.0.1:{mute.getsockname()[1]}/file.bin"], target, None)
        given_up.set()
        thread.join()
    assert (target.parent / "file.bin.part").read_bytes() == b"abc"


def test_a_fault_of_the_disk_is_not_the_servers(server: Site, target: Path) -> None:
    server.files["file.bin"] = Served(CONTENT)
    (target.parent / "file.bin.part").mkdir(parents=True)
    with pytest.raises(OSError, match=r"file\.bin\.part"):
        download([f"{server.url}file.bin"], target, None)


def test_offline_opens_no_socket(target: Path, no_sockets: None) -> None:
    with pytest.raises(DownloadFailed, match="--offline"):
        download(["http://127.0.0.1:1/file.bin"], target, None)
    assert not target.parent.exists()


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setenv("NESS_OFFLINE", "1")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_weak_etag_proves_nothing(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT, etag='W/"1"'), 5000)
    download([f"{server.url}file.bin"], target, None)
    assert server.asked == [("file.bin", None)]


def test_a_killed_note_is_no_crash(server: Site, target: Path) -> None:
    leave_part(server, target, Served(CONTENT), 5000)
    (target.parent / "file.bin.part.from").write_bytes(b"\xff\xfe\n\xff")
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert target.read_bytes() == CONTENT


def test_what_is_downloaded_is_said(
    server: Site,
    target: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.files["file.bin"] = Served(CONTENT, cuts=[5000])
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"downloading {server.url}file.bin (0.0 MB)"
    assert "continued at" in second

    monkeypatch.setattr(module, "PROGRESS_S", 0)
    target.unlink()
    download([f"{server.url}file.bin"], target, md5(CONTENT))
    assert capsys.readouterr().err.splitlines()[-1] == "  0.0 MB of 0.0 MB"
