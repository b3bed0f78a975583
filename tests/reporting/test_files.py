"""Files of runs that have gone are removed, and no others."""

from __future__ import annotations

from pathlib import Path

from reporting_records import HAND, MakeRecord, task

from benchmarks.records import RunRecord, record_path
from benchmarks.reporting.files import stale, stems
from benchmarks.reporting.tables import write_tables

SAME = {"class_order_seed": 0}


def delete(out: Path, record: RunRecord) -> None:
    record_path(out, record.spec["stream"], record.spec["strategy"], record.id).unlink()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_streams_that_would_share_a_name_are_numbered() -> None:
    assert stems(["a b", "a/b", "c"]) == {"a b": "a-b", "a/b": "a-b-2", "c": "c"}


def test_only_whole_names_that_were_not_written_are_stale(tmp_path: Path) -> None:
    for name in ("s-tests.md", "s-tests.tex", "s-tests.md~", "as-tests.md"):
        (tmp_path / name).touch()
    (tmp_path / "s-tests.csv").mkdir()
    found = stale(tmp_path, r"s-tests\.(md|tex|csv)", [tmp_path / "s-tests.tex"])
    assert found == [tmp_path / "s-tests.md"]
    assert stale(tmp_path / "none", ".*", []) == []


def test_tables_of_runs_that_have_gone_are_removed(make: MakeRecord, tmp_path: Path) -> None:
    steps = [task(ranks={"fc1": 3}) for _ in HAND]
    gone = [make("ness", seed, tasks=steps, spec=SAME) for seed in (1, 2)]
    make("gpm", 1, spec=SAME)
    write_tables(tmp_path)
    before = names(tmp_path / "tables")
    (tmp_path / "tables" / "split_digits-til-mine.md").write_text("by hand")
    for record in gone:
        delete(tmp_path, record)
    written = write_tables(tmp_path)
    left = names(tmp_path / "tables")
    assert before - left == {
        f"split_digits-til-{name}"
        for name in (
            *("tests.md", "tests.csv", "tests.tex", "ranks.md", "ranks.csv", "intervals.tex"),
        )
    }
    assert {path.name for path in written.paths} | {"split_digits-til-mine.md"} == left
    assert [line.split()[0] for line in written.messages].count("removed:") == 6


def test_the_tables_of_a_stream_with_a_longer_name_stay(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", 1, spec=SAME)
    make("gpm", 1, stream="split_digits/til-tests")
    assert all(path.is_file() for path in write_tables(tmp_path).paths)
