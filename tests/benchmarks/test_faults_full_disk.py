"""A disk that is full at any write of a sweep: a line that names the file, and nothing is lost."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from damage import cli
from faults import AGAIN, interruptions, require_whole, results, small_sweep
from small_disks import PAGE, SmallDisk, require_small_disks, small_disk

from benchmarks.appending import append, logging_to

FULL = "cannot be written (No space left on device); make room there"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    require_small_disks()
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", pages=512) as made:
        yield made


def fail_at_every_write(disk: SmallDisk, alone: Path, strategy: str) -> Counter[str]:
    """Run with 0, 1, 2... free pages until one finishes, each once more when there is room.

    How often each file was the one that could not be written.
    """
    failed = Counter[str]()
    for pages in range(100):
        out = disk.path / str(pages)
        command = small_sweep(out, strategy)
        (out / "runs").mkdir(parents=True)
        disk.leave(pages)
        status, _, errors = cli(*command)
        if status != 0:
            assert status == 1
            (line,) = interruptions(errors)
            assert FULL in line
            failed[Path(line.partition(": cannot be")[0]).name.removesuffix(".json")] += 1
        require_whole(out)
        disk.make_room()
        assert cli(*command)[0] == 0
        assert results(out) == results(alone)
        shutil.rmtree(out)
        if status == 0:
            return failed
    raise AssertionError("there was never room enough")


def test_each_write_of_a_run_as_the_one_that_fails(disk: SmallDisk, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    assert cli(*small_sweep(alone, '["ness"]'))[0] == 0
    failed = fail_at_every_write(disk, alone, '["ness"]')
    assert set(failed) == {"claim", "events.jsonl", "trace.csv", "checkpoint.pt"}
    assert failed["checkpoint.pt"] > 10, "that of the first task and of the second"


def test_a_record_that_fails_is_not_lost_either(disk: SmallDisk, tmp_path: Path) -> None:
    """Of a method without checkpoints, which would need more room before."""
    alone = tmp_path / "alone"
    assert cli(*small_sweep(alone, '["lwf"]'))[0] == 0
    failed = fail_at_every_write(disk, alone, '["lwf"]')
    (run,) = results(alone)
    assert set(failed) == {"claim", "events.jsonl", "trace.csv", run}


def test_workers_end_with_a_line_each(disk: SmallDisk, tmp_path: Path) -> None:
    out, alone = disk.path / "out", tmp_path / "alone"
    names = '["naive","ness"]'
    assert cli(*small_sweep(alone, names))[0] == 0
    out.mkdir()
    disk.leave(3)
    status, printed, errors = cli(*small_sweep(out, names), "--workers", 2)
    lines = interruptions(errors)
    assert (status, printed, len(lines)) == (1, "2 interrupted\n", 2)
    assert all(FULL in line for line in lines)
    require_whole(out)
    disk.make_room()
    assert cli(*small_sweep(out, names), "--workers", 2)[:2] == (0, "2 finished\n")
    assert results(out) == results(alone)


def test_lines_are_added_whole_or_not_at_all(disk: SmallDisk) -> None:
    """A tmpfs gives out pages: of lines across their border a part fits."""
    path = disk.path / "events.jsonl"
    sound = "x" * (PAGE - 10) + "\n"
    append(path, sound)
    disk.leave(0)
    with pytest.raises(OSError, match="No space left"):
        append(path, "one more than fits\n")
    assert path.read_text() == sound
    disk.make_room()
    append(path, "\udcff fits\n")
    assert path.read_text() == sound + "\\udcff fits\n"


@pytest.mark.parametrize("torn", ["", "a\nb", "b"])
def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "log"
    path.write_text(torn)
    append(path, "c\n")
    assert path.read_text() == torn.removesuffix("b") + "c\n"


def test_a_log_that_cannot_be_written_is_named_once(
    disk: SmallDisk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's raise
    path, log = disk.path / "log", logging.getLogger("a library")
    disk.leave(0)
    with logging_to(path):
        log.warning("lost")
        log.warning("lost too")
        disk.make_room()
        log.warning("kept: %d", "no number")
    assert capsys.readouterr().err == (
        f"{path}: cannot be written (No space left on device); going on without\n"
    )
    assert path.read_text() == "kept: %d\n"


def test_tables_and_plots_of_a_full_disk(disk: SmallDisk) -> None:
    out = disk.path / "out"
    assert cli(*small_sweep(out, '["naive","ness"]'))[0] == 0
    disk.leave(0)
    assert cli("status", out)[0] == 0
    for command in ("tables", "plots"):
        status, _, errors = cli(command, out)
        assert status == 2
        (line,) = errors.splitlines()
        assert FULL in line
        assert f"or copy {out}/runs elsewhere" in line
    require_whole(out)
    disk.make_room()
    for command in ("tables", "plots"):
        assert cli(command, out)[0] == 0


def test_a_disk_without_room_for_a_name(tmp_path: Path) -> None:
    require_small_disks()
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", options="nr_inodes=2") as disk:
        (disk.path / "file").touch()
        status, _, errors = cli(*small_sweep(disk.path, '["naive"]'))
    assert (status, len(errors.splitlines())) == (2, 1)
    assert "No space left on device: make room there" in errors
    assert AGAIN not in errors
