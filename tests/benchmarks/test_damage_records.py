"""A damaged record is named, set aside and repeated, or says what the sound one says; it enters no
table."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from damage import SMALLER, cli, count, kinds
from mutants import RECORDS, mutants, put
from small_runs import run_specs
from test_run import numbers

from benchmarks.integrity import CHECKSUM
from benchmarks.records import DamagedRecord, RunRecord, record_path
from benchmarks.reporting.collect import collect
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.sweep import sweep

SHOWN = "one bit"
"""The kind of damage that a slice shows to every command; `make damage` shows them all."""


@pytest.fixture(scope="module")
def two() -> list[RunSpec]:
    return run_specs(["naive"], [1, 2], *SMALLER)


@pytest.fixture(scope="module")
def texts(two: list[RunSpec], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("sound")
    return [run(spec, out).to_json() for spec in two]


def folder(out: Path, two: list[RunSpec], texts: list[str]) -> Path:
    """A results folder of two sound records; the path of the first."""
    paths = [record_path(out, spec.stream, spec.strategy, spec.id) for spec in two]
    for path, text in zip(paths, texts, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return paths[0]


def read(path: Path) -> RunRecord | None:
    """The record; None for one that is refused, with its name in one line."""
    try:
        return RunRecord.read(path)
    except DamagedRecord as error:
        said = str(error)
    assert str(path) in said
    assert len(said.splitlines()) == 1
    return None


@pytest.mark.parametrize(("kind", "number"), kinds(RECORDS, "records"))
def test_a_damaged_record_says_the_same_or_is_refused(
    tmp_path: Path, two: list[RunSpec], texts: list[str], kind: str, number: int
) -> None:
    sound = RunRecord.from_json(texts[0].encode())
    for n, mutant in enumerate(mutants(texts[0].encode(), RECORDS[kind], kind, number)):
        out = tmp_path / str(n)
        path = folder(out, two, texts)
        put(path, kind, mutant)
        found = read(path)
        if found is None:
            require_named(out, path, all_commands=n == 0 and (number > 9 or kind == SHOWN))
            require_repeated(out, two, path, sound)
        else:
            assert found == sound
        count("records", "set aside and repeated" if found is None else "unchanged in meaning")


@pytest.mark.parametrize(("kind", "number"), kinds(RECORDS, "old records"))
def test_a_damaged_record_without_a_checksum_is_refused_or_of_the_same_run(
    tmp_path: Path, two: list[RunSpec], texts: list[str], kind: str, number: int
) -> None:
    """Another digit cannot be noticed there; every command takes the number for what it is."""
    data = json.loads(texts[0])
    del data[CHECKSUM]
    old = json.dumps(data).encode()
    sound = RunRecord.from_json(old)
    for n, mutant in enumerate(mutants(old, RECORDS[kind], kind, number)):
        out = tmp_path / str(n)
        path = folder(out, two, texts)
        put(path, kind, mutant)
        found = read(path)
        if found is None:
            require_named(out, path, all_commands=False)
            count("old records", "refused")
            continue
        assert (found.id, found.spec) == (sound.id, sound.spec)
        same = found == sound
        for command in ("status",) if same else ("status", "tables", "plots", "check"):
            assert cli(command, out)[0] in (0, 1)
        count("old records", "unchanged in meaning" if same else "other values of the same run")


def require_named(out: Path, damaged: Path, *, all_commands: bool) -> None:
    """The sound record is the only one tabled, and the other is named."""
    collection = collect(out)
    assert len(collection.runs) == 1
    assert [str(damaged) in message for message in collection.messages] == [True]
    for command in ("status", "tables", "plots", "check") if all_commands else ("status",):
        status, _, errors = cli(command, out)
        assert status == 2
        assert str(damaged) in errors
        assert "Traceback" not in errors


def require_repeated(out: Path, specs: list[RunSpec], path: Path, sound: RunRecord) -> None:
    """What a sweep does first with each of its runs, and then with the damaged one."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        assert sweep(specs, out) == {"finished": 2}
    assert str(path) in errors.getvalue()
    assert path.with_name(f"{path.name}.damaged-1").exists()
    assert numbers(RunRecord.read(path)) == numbers(sound)
    assert len(collect(out).runs) == 2
