"""Folders that cannot be written to: from the start, or from some moment on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from damage import cli
from faults import interruptions, require_whole, results, small_sweep
from small_disks import SmallDisk, require_small_disks, small_disk
from test_executors import LONG, wait_for


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    require_small_disks()
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", pages=1024) as made:
        yield made


def require_refused(out: Path, *said: str) -> None:
    status, _, errors = cli(*small_sweep(out, '["naive"]'))
    assert status == 2
    (line,) = errors.splitlines()
    for word in (*said, "cannot write there", "; give another folder with --out"):
        assert word in line


def test_a_folder_that_is_read_only_from_the_start(disk: SmallDisk) -> None:
    disk.protect()
    require_refused(disk.path, f"error: {disk.path}", "(Read-only file system)")


@pytest.mark.parametrize("name", ["runs", "work"])
def test_a_part_that_is_read_only(disk: SmallDisk, name: str) -> None:
    folder = f"'{disk.folder / name}'"
    disk.do(f"mkdir {folder}; mount --bind {folder} {folder}; mount -o remount,ro,bind {folder}")
    require_refused(disk.path, f"error: {disk.path / name}", "(Read-only file system)")


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "unmounted")
    require_refused(out, f"a link to {tmp_path / 'unmounted'}, which does not exist")


def test_looking_at_a_read_only_folder_works_and_tables_say_why_not(disk: SmallDisk) -> None:
    assert cli(*small_sweep(disk.path, '["naive"]'))[0] == 0
    disk.protect()
    assert cli("status", disk.path)[0] == 0
    for command in ("tables", "plots"):
        status, _, errors = cli(command, disk.path)
        assert status == 2
        (line,) = errors.splitlines()
        assert "cannot be written (Read-only file system); make it writable, or copy" in line


def test_a_disk_that_turns_read_only_amid_a_sweep(disk: SmallDisk, tmp_path: Path) -> None:
    """As Linux does with one that has faults. Nothing can be removed either, the claims neither."""
    out, strategies = disk.path / "out", '["naive","ness"]'
    command = small_sweep(out, strategies, *LONG)
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: any(out.glob("work/*/checkpoint.pt")))
        wait_for(lambda: protected(disk))  # refused while a file is open
        printed, errors = process.communicate(timeout=100)
    lines = interruptions(errors)
    assert (process.returncode, printed) == (1, "2 interrupted\n")
    assert len(lines) == 2
    assert all("(Read-only file system); make it writable and" in line for line in lines)
    disk.unprotect()
    require_whole(out)
    assert cli(*command)[:2] == (0, "2 finished\n")
    alone = tmp_path / "alone"
    assert cli(*small_sweep(alone, strategies, *LONG))[0] == 0
    assert results(out) == results(alone)


def protected(disk: SmallDisk) -> bool:
    try:
        disk.protect()
    except OSError:
        return False
    return True
