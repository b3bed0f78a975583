"""Exactly one living process holds a claim, and a dead one holds none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import claim_owners, claims
from benchmarks.claim_files import LIMIT, ClaimFiles
from benchmarks.claim_owners import this_process
from benchmarks.claims import Claimed, claim, is_held

HOLD = """
import sys
from pathlib import Path
from benchmarks import claims
claims.BEAT_S = float(sys.argv[2])
with claims.claim(Path(sys.argv[1])):
    print('held', flush=True)
    sys.stdin.read()
"""


def put_claim(path: Path, number: int = 1, **changes: Any) -> Path:
    """Write the file of a claim of this process, or with other values."""
    file = ClaimFiles(path).at(number)
    file.write_text(json.dumps(this_process().model_dump() | changes))
    return file


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def newest(path: Path) -> Path:
    files = ClaimFiles(path)
    return files.at(files.newest())


def silent_for(file: Path, seconds: float) -> None:
    touched = time.time() - seconds
    os.utime(file, (touched, touched))


@contextmanager
def holder(
    path: Path, *, before: Sequence[str] = (), beat_s: float = claims.BEAT_S
) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the claim, started by a command put before its own."""
    process = subprocess.Popen(
        [*before, sys.executable, "-c", HOLD, str(path), str(beat_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_holder_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    path = tmp_path / "work" / "claim"
    assert not is_held(path)
    with claim(path):
        assert is_held(path)
        with pytest.raises(Claimed, match=f"held by process {os.getpid()} on "), claim(path):
            raise AssertionError("two holders")
        assert is_held(path)
    assert not is_held(path)


def test_one_empty_file_is_left_of_a_claim(tmp_path: Path) -> None:
    """The last number stays taken: one that had seen it free could take it a second time."""
    for number in (1, 2, 3):
        with claim(tmp_path / "claim") as held:
            held.check()
            assert [file.name for file in tmp_path.iterdir()] == [f"claim.{number}"]
        assert [file.name for file in tmp_path.iterdir()] == [f"claim.{number}"]
        assert newest(tmp_path / "claim").stat().st_size == 0


def test_another_process_that_lives_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    with holder(path) as process:
        with pytest.raises(Claimed, match=str(process.pid)), claim(path):
            pass
        process.kill()
        process.wait()
        assert not is_held(path)
        with claim(path):
            assert json.loads(newest(path).read_text())["pid"] == os.getpid()


def test_a_killed_process_that_nobody_waits_for_holds_nothing(tmp_path: Path) -> None:
    """It keeps its pid and start time for as long as its parent does not ask."""
    path = tmp_path / "claim"
    with holder(path) as process:
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_held(path)
        with claim(path):
            assert is_held(path)


def test_a_claim_is_released_after_an_exception(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), claim(path):
            raise error
        assert not is_held(path)


def test_the_claim_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    put_claim(path, pid=dead_pid())
    assert not is_held(path)
    with claim(path):
        assert is_held(path)


def test_a_reused_pid_keeps_no_claim_alive(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    put_claim(path, started=this_process().started - 1)
    assert not is_held(path)
    with claim(path):
        assert is_held(path)


PLACES = [{"host": "elsewhere"}, {"boot": "another"}, {"pid_namespace": 7}, {"pid_namespace": 0}]


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("pid", [None, 2**31 - 1])
def test_a_process_that_cannot_be_seen_is_judged_by_its_heartbeats(
    tmp_path: Path, place: dict[str, Any], pid: int | None
) -> None:
    """Containers share host names and pids, and a machine keeps its name over a reboot."""
    path = tmp_path / "claim"
    file = put_claim(path, **place, pid=pid or os.getpid())
    life = claims.BEAT_S * claims.MISSED
    silent_for(file, life - 20)
    assert is_held(path)
    with pytest.raises(Claimed), claim(path):
        pass
    assert json.loads(file.read_text())["pid"] == (pid or os.getpid())
    silent_for(file, life + 20)
    assert not is_held(path)
    with claim(path):
        assert json.loads(newest(path).read_text())["host"] == socket.gethostname()


def test_a_claim_touched_in_time_to_come_is_not_held_until_then(tmp_path: Path) -> None:
    """The clock of the file system was put back: a living owner has touched it since."""
    path = tmp_path / "claim"
    file = put_claim(path, host="elsewhere")
    silent_for(file, -20)
    assert is_held(path)
    silent_for(file, -1e7)
    assert not is_held(path)


def test_heartbeats_are_told_by_the_clock_of_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "claim"
    put_claim(path, host="elsewhere")
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert is_held(path)
    assert [file.name for file in tmp_path.iterdir()] == ["claim.1"]


@pytest.mark.skipif(
    subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"]).returncode != 0,
    reason="unshare --pid is not permitted here: there is one PID namespace only",
)
@pytest.mark.parametrize("proc", [["--mount-proc"], []], ids=["own /proc", "/proc of the host"])
def test_a_process_in_another_pid_namespace_is_respected(tmp_path: Path, proc: list[str]) -> None:
    """Its pid means another process here, or none."""
    path = tmp_path / "claim"
    with holder(path, before=["unshare", "--pid", "--fork", "--kill-child", *proc]):
        assert json.loads(newest(path).read_text())["pid"] == 1
        assert is_held(path)
        with pytest.raises(Claimed), claim(path):
            pass


def test_a_process_that_is_hidden_from_us_is_judged_by_its_heartbeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under hidepid: no such file in /proc, but a signal would reach it."""
    path = tmp_path / "claim"
    with holder(path) as process:
        read = Path.read_bytes

        def hide(file: Path) -> bytes:
            if file == Path(f"/proc/{process.pid}/stat"):
                raise FileNotFoundError(file)
            return read(file)

        monkeypatch.setattr(Path, "read_bytes", hide)
        assert is_held(path)
        silent_for(newest(path), claims.BEAT_S * claims.MISSED + 20)
        assert not is_held(path)


def test_without_proc_every_process_is_judged_by_its_heartbeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_owners, "_place", lambda: (socket.gethostname(), "", 0))
    path = tmp_path / "claim"
    with claim(path):
        assert is_held(path)
        silent_for(newest(path), claims.BEAT_S * claims.MISSED + 20)
        assert not is_held(path)


# Heartbeats, and claims that were taken over ------------------------------------------------


def test_the_owner_touches_its_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_S", 0.02)
    path = tmp_path / "claim"
    with claim(path):
        file = newest(path)
        os.utime(file, (0, 0))
        wait_until(lambda: file.stat().st_mtime > 0)
    wait_until(lambda: heart_of(path) is None)


def heart_of(path: Path) -> threading.Thread | None:
    name = f"heartbeat of {path}"
    return next((t for t in threading.enumerate() if t.name == name and t.is_alive()), None)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def replace_by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


LOSSES: dict[str, Callable[[Path], object]] = {
    "removed by hand": lambda path: newest(path).unlink(),
    "emptied": lambda path: newest(path).write_text(""),
    "overwritten": lambda path: put_claim(path, nonce="other"),
    "replaced by a pipe": lambda path: (
        newest(path).unlink(),
        os.mkfifo(path.with_name("claim.1")),
    ),
    "a newer number": lambda path: put_claim(path, number=2, host="elsewhere"),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES.keys())
def test_an_owner_finds_out_that_it_lost_its_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lose: Callable[[Path], object]
) -> None:
    """Its heart stops, it may not write, and what is there now stays."""
    monkeypatch.setattr(claims, "BEAT_S", 0.02)
    path = tmp_path / "claim"
    with claim(path) as held:
        held.check()
        lose(path)
        left = [(f.name, f.is_file() and f.read_bytes()) for f in sorted(tmp_path.iterdir())]
        with pytest.raises(Claimed, match="took it over"):
            held.check()
        wait_until(lambda: heart_of(path) is None)
    now = [(f.name, f.is_file() and f.read_bytes()) for f in sorted(tmp_path.iterdir())]
    assert now[-1:] == left[-1:], "of an older number it may let go"


def test_a_share_that_is_away_for_a_while_loses_no_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    path = tmp_path / "claim"
    with claim(path) as held:
        for call in ("lstat", "iterdir"):
            with monkeypatch.context() as patch:
                patch.setattr(Path, call, away)
                held.check()
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", away)
            held.check()
            assert not is_held(path), "it never raises"
    assert not is_held(path)


def test_a_link_that_was_made_but_reported_as_failed_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS: the first answer was lost, and the second request met what the first had made."""
    link = os.link

    def twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    with claim(tmp_path / "claim") as held:
        assert is_held(tmp_path / "claim")
        held.check()


# What is no claim ----------------------------------------------------------------------------

OWNER = this_process().model_dump()
CONTENTS = {
    "torn": b"{",
    "a list": b"[]",
    "a number": b"7",
    "not UTF-8": b"\xff\xfe",
    "nested": b"[" * LIMIT,
    "nested deeper": b'{"host":' * 100_000,
    "huge": json.dumps(OWNER | {"more": "x" * LIMIT}).encode(),
    "no pid": json.dumps({key: OWNER[key] for key in OWNER if key != "pid"}).encode(),
} | {
    f"{key} = {value}"[:40]: json.dumps(OWNER | {key: value}).encode()
    for key, value in [
        *(("pid", value) for value in ("x", True, None, 0, -1, 1.5, 2**31, 10**30, [])),
        *(("started", value) for value in ("x", float("nan"), float("inf"), -1, True, None)),
        ("host", 7),
        ("nonce", ""),
    ]
}
OBJECTS: dict[str, Callable[[Path], object]] = {
    "a folder": lambda file: (file.mkdir(), (file / "inside").touch()),
    "a pipe": os.mkfifo,
    "a socket": lambda file: socket.socket(socket.AF_UNIX).bind(str(file)),
    "a dangling link": lambda file: file.symlink_to("nowhere"),
    "a link to itself": lambda file: file.symlink_to(file.name),
    "a link to a claim": lambda file: file.symlink_to(put_claim(file.with_name("real"))),
    "a link to a device": lambda file: file.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize(
    "make",
    [
        *(pytest.param(lambda file, b=b: file.write_bytes(b), id=k) for k, b in CONTENTS.items()),
        *(pytest.param(make, id=name) for name, make in OBJECTS.items()),
    ],
)
def test_what_is_no_claim_is_named_set_aside_and_in_nobodys_way(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], object],
) -> None:
    path = tmp_path / "claim"
    file = tmp_path / "claim.4"
    monkeypatch.chdir(tmp_path)  # the name of a socket has to be short
    make(Path(file.name))
    what = file.lstat()
    assert not is_held(path)
    assert (file.lstat().st_ino, capsys.readouterr().err) == (what.st_ino, ""), "it only looks"
    with claim(path):
        assert is_held(path)
        assert newest(path).name == "claim.5"
    assert f"{file}: no claim (" in capsys.readouterr().err
    assert (tmp_path / "claim.4.damaged-1").lstat().st_ino == what.st_ino


@pytest.mark.parametrize("name", ["claim.0", "claim.01", "claim.x", "claim.-1", "claim.²", "claim"])
def test_files_with_other_names_are_let_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with claim(tmp_path / "claim"):
        assert newest(tmp_path / "claim").name == "claim.1"
    assert (tmp_path / name).read_text() == "mine"


def test_a_claim_that_we_may_not_read_is_judged_by_its_heartbeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "claim"
    file = put_claim(path)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Claimed, match="a process of another user"), claim(path):
        pass
    silent_for(file, claims.BEAT_S * claims.MISSED + 20)
    monkeypatch.undo()
    monkeypatch.setattr(os, "open", refuse_that(file))
    with claim(path):
        assert newest(path).name == "claim.2"


def refuse(*_: Any, **__: Any) -> int:
    raise PermissionError(13, "Permission denied")


def refuse_that(file: Path) -> Callable[..., int]:
    real = os.open
    return lambda name, *rest: refuse() if Path(name) == file else real(name, *rest)


def test_to_ask_who_holds_it_never_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not is_held(tmp_path / "missing" / "claim")
    assert not is_held(tmp_path / "file" / "claim")
    assert not is_held(tmp_path / ("x" * 300))


# Left-overs ----------------------------------------------------------------------------------


def test_helper_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    """Those of the living stay: they are about to be linked."""
    path = tmp_path / "claim"

    def helper(silent: float, **changes: Any) -> Path:
        file = tmp_path / f".claim.{this_process().model_copy(update=changes).mark()}"
        file.touch()
        silent_for(file, silent)
        return file

    life = claims.BEAT_S * claims.MISSED
    dead = [helper(0, pid=dead_pid()), helper(0, started=0), helper(life + 20, host="elsewhere")]
    alive = [helper(0), helper(life + 20), helper(life - 20, host="elsewhere", pid=dead_pid())]
    place = this_process().mark().partition("-")[0]
    unknown = [
        tmp_path / f".claim.{name}"
        for name in ("lock", "a-b-c-d", f"{place}-{10**30}-1-x", f"{place}-x-1-x")
    ]
    for file in unknown:
        file.touch()
    foreign = tmp_path / ".claims.lock"
    for file in (unknown[0], foreign):
        file.touch()
        silent_for(file, life + 20)
    with claim(path):
        left = set(tmp_path.iterdir())
        assert left.isdisjoint([*dead, unknown[0]])
        assert left > {*alive, *unknown[1:], foreign}


def test_a_helper_file_that_was_taken_for_a_dead_ones_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, links = os.link, []

    def swept_up(source: Path, target: Path) -> None:
        links.append(source)
        if len(links) == 1:
            source.unlink()
        link(source, target)

    monkeypatch.setattr(os, "link", swept_up)
    with claim(tmp_path / "claim"):
        assert len(links) == 2
