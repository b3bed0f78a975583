"""What tells a record or checkpoint from one with a flipped bit, or one that a hand has edited."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import run_spec
from test_records import record

from benchmarks.errors import BadInput
from benchmarks.integrity import CHECKSUM, decode
from benchmarks.records import DamagedRecord, RunRecord, read_all
from benchmarks.sweep_spec import load_sweep
from benchmarks.workdir import WorkDir, read_or_set_aside


def write(out: Path, **changes: Any) -> Path:
    """A record as written, with some of its values changed in the file; None removes one."""
    path = record().write(out)
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: data[key] for key in data if data[key] is not None}))
    return path


def refused(path: Path, why: str) -> None:
    with pytest.raises(DamagedRecord, match=why) as caught:
        RunRecord.read(path)
    assert str(path) in str(caught.value)


def test_another_digit_is_noticed_where_there_is_a_checksum(tmp_path: Path) -> None:
    path = record().write(tmp_path)
    text = path.read_text()
    assert text.count("80.5") == 1
    path.write_text(text.replace("80.5", "90.5"))
    refused(path, "sha256 is not that of its contents")


def test_a_record_may_be_laid_out_anew(tmp_path: Path) -> None:
    path = record().write(tmp_path)
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data, indent=4, sort_keys=True))
    assert RunRecord.read(path) == record()


def test_a_record_older_than_the_checksum_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, **{CHECKSUM: None})
    assert CHECKSUM not in path.read_text()
    older = RunRecord.read(path)
    assert older.to_json() == record().to_json()
    assert not older.has_checksum
    for text in (record().to_json(), json.dumps(json.loads(record().to_json()))):
        assert RunRecord.from_json(text.encode()).has_checksum


def test_a_spec_that_was_edited_is_not_that_of_the_id(tmp_path: Path) -> None:
    spec = record().spec | {"seed": 7}
    refused(write(tmp_path, spec=spec, **{CHECKSUM: None}), "not that of its spec")


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy_matrix": [["90.0", None], [80.5, 70.25]]},
        {"accuracy_matrix": [[True, None], [80.5, 70.25]]},
        {"initial_accuracy": [50, "49"]},
        {"stream": {"classes": 5}},
        {"stream": {"classes": [[0, 1], []]}},
        {"stream": {"samples": [[1.5]]}},
        {"stream": {"data_hash": 1}},
        {"schema": "1"},
        {"environment": {"cpu": "\ud800"}},
    ],
)
def test_other_types_are_no_numbers_even_without_a_checksum(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    refused(write(tmp_path, **changes, **{CHECKSUM: None}), "damaged record")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"a": 1, "a": 2}', "'a' is there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "integer string conversion"),
        (b"[" * 100_000, "nested too deeply"),
        (b'"\\ud800"', "not UTF-8"),
        (b'"\xff"', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b"", "Expecting value"),
    ],
)
def test_json_that_readers_take_differently_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode(text)


def test_a_repeated_key_is_refused_though_the_checksum_fits(tmp_path: Path) -> None:
    path = record().write(tmp_path)
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 7, "seed": 1'))
    refused(path, "'seed' is there twice")


def test_a_pipe_in_place_of_a_record_is_not_waited_for(tmp_path: Path) -> None:
    path = record().write(tmp_path)
    path.unlink()
    os.mkfifo(path)
    refused(path, "not a file")
    assert read_or_set_aside(path) is None


def test_what_lies_in_a_folder_in_place_of_a_record_is_no_record(tmp_path: Path) -> None:
    path = record().write(tmp_path)
    text = path.read_text()
    path.unlink()
    path.mkdir()
    (path / path.name).write_text(text)
    assert [type(found) for found in read_all(tmp_path)] == [DamagedRecord]
    assert read_or_set_aside(path) is None
    assert not list(read_all(tmp_path))


def test_a_flipped_bit_of_a_weight_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """torch.load does not see it: it takes the file's bytes without a look at their checksum."""
    work, weights = WorkDir(tmp_path, "x"), torch.arange(100.0)
    work.folder.mkdir(parents=True)
    work.save_checkpoint({"w": weights})
    data = bytearray(work.checkpoint.read_bytes())
    data[data.index(weights.numpy().tobytes()) + 42] ^= 1
    work.checkpoint.write_bytes(data)
    assert not torch.equal(torch.load(work.checkpoint, weights_only=True)["w"], weights)
    assert work.load_checkpoint() is None
    assert "does not fit" in caplog.text


def test_a_folder_in_place_of_a_checkpoint_does_not_outlive_the_run(tmp_path: Path) -> None:
    work = WorkDir(tmp_path, "x")
    work.checkpoint.mkdir(parents=True)
    work.clear_the_way()
    work.clean(tmp_path / "record.json", keep_checkpoint=False)
    assert [path.name for path in work.folder.iterdir()] == ["checkpoint.pt.damaged-1"]


def test_a_trace_that_is_no_text_is_trimmed_all_the_same(tmp_path: Path) -> None:
    work = WorkDir(tmp_path, "x")
    work.folder.mkdir(parents=True)
    work.trace.write_bytes(b"task,epoch\n0,0\n0,\xff\n1,0\n\xff,1\n")
    work.trim_trace(1)
    assert work.trace.read_bytes() == b"task,epoch\n0,0\n0,\xff\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        (f"a = {'9' * 5000}", "not valid TOML"),
    ],
)
def test_toml_that_pythons_reader_gives_up_on_is_bad_input(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=why):
        load_sweep(path)


def test_numbers_that_torch_cannot_take_are_named() -> None:
    with pytest.raises(BadInput, match=r"backbone_args\.hidden\.1 = 9223372036854775808: give"):
        run_spec("naive", f"backbone_args.hidden=[4, {2**63}]")


def test_threads_have_a_limit_that_torch_can_take() -> None:
    with pytest.raises(BadInput, match="threads: Input should be less than or equal to 1024"):
        run_spec("naive", "threads=1000000000000")


def test_bad_input_is_one_line_whatever_it_quotes() -> None:
    assert str(BadInput("unknown key a\nb; did you mean c?")) == "unknown key a b; did you mean c?"
