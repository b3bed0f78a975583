"""Which records become rows, under which label, and what is said about the others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from reporting_records import CUT_OFF, MakeRecord
from search_examples import NAIVE, searched

from benchmarks.errors import BadInput
from benchmarks.reporting.collect import collect
from benchmarks.reporting.files import stems
from benchmarks.reporting.order import canonical
from benchmarks.reporting.specs import confounds, flatten


def test_seeds_of_one_spec_share_a_label(make: MakeRecord, tmp_path: Path) -> None:
    for seed in (2, 0, 1):
        make("ness", seed, spec={"class_order_seed": seed})
    runs = collect(tmp_path).runs
    assert list(runs["label"]) == ["ness"] * 3
    assert list(runs["seed"]) == [0, 1, 2]


def test_differing_specs_are_never_averaged_and_the_difference_is_named(
    make: MakeRecord, tmp_path: Path
) -> None:
    for eps in (0.1, 0.01, 0.01):
        make("ness", spec={"strategy_args.eps": eps})
    make("ness", spec={"strategy_args.eps": 0.01, "optimizer.lr": 1})
    make("ness")
    labels = list(collect(tmp_path).runs["label"])
    assert labels == [
        "ness [optimizer.lr=0.05, strategy_args.eps=0.01]",
        "ness [optimizer.lr=0.05, strategy_args.eps=0.01]",
        "ness [optimizer.lr=0.05, strategy_args.eps=0.1]",
        "ness [optimizer.lr=0.05, strategy_args.eps=unset]",
        "ness [optimizer.lr=1, strategy_args.eps=0.01]",
    ]


def test_one_and_one_point_zero_are_one_spec(make: MakeRecord, tmp_path: Path) -> None:
    make("lora", 0, spec={"strategy_args.alpha": 1})
    make("lora", 1, spec={"strategy_args.alpha": 1.0})
    assert set(collect(tmp_path).runs["label"]) == {"lora"}


def test_runs_over_different_numbers_of_tasks_are_not_repetitions(
    make: MakeRecord, tmp_path: Path
) -> None:
    make(seed=0)
    make(seed=1, matrix=[[90.0]])
    assert list(collect(tmp_path).runs["label"]) == ["ness [tasks=1]", "ness [tasks=3]"]


def test_failed_and_diverged_runs_are_rows_and_running_ones_are_counted(
    make: MakeRecord, tmp_path: Path
) -> None:
    make(seed=0)
    make(seed=1, matrix=CUT_OFF, status="failed", error="Traceback ...\n\nKeyError: 'fc1'\n")
    make(seed=2, matrix=CUT_OFF, status="diverged", error="NaN loss in task 2, epoch 3")
    make(seed=3, matrix=CUT_OFF, status="running")
    collection = collect(tmp_path)
    assert list(collection.runs["status"]) == ["finished", "failed", "diverged"]
    assert list(collection.runs["error"]) == [
        "",
        "KeyError: 'fc1'",
        "NaN loss in task 2, epoch 3",
    ]
    assert collection.running == {"split_digits/til": 1}
    assert collection.runs["acc"].isna().tolist() == [False, True, True]
    failed = str(collection.runs.index[1])
    assert collection.reasons[failed, "acc"] == "accuracy on task 1 after task 3 was not recorded"


def test_damaged_records_are_named_and_skipped(make: MakeRecord, tmp_path: Path) -> None:
    record = make()
    path = next(tmp_path.rglob("*.json"))
    torn = path.with_name("feedbeef.json")
    torn.write_bytes(path.read_bytes()[:200])
    collection = collect(tmp_path)
    assert list(collection.runs.index) == [record.id]
    assert len(collection.messages) == 1
    assert str(torn) in collection.messages[0]


def test_a_copied_record_is_not_counted_twice(make: MakeRecord, tmp_path: Path) -> None:
    make()
    path = next(tmp_path.rglob("*.json"))
    copy = tmp_path / "runs" / "copy" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    collection = collect(tmp_path)
    assert len(collection.runs) == 1
    assert "a second record" in collection.messages[0]


def test_an_empty_folder_is_bad_input_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        collect(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path) in message
    assert f"python -m benchmarks sweep SPEC.toml --out {tmp_path}" in message


def test_a_folder_with_a_search_alone_names_the_folder_of_its_runs(
    make: MakeRecord, tmp_path: Path
) -> None:
    searched(NAIVE).write(tmp_path)
    with pytest.raises(BadInput, match="no run records beside a search") as caught:
        collect(tmp_path)
    (line,) = str(caught.value).splitlines()
    assert f"give {tmp_path / 'tuning'} for the runs of the search" in line
    run = make(spec={"evaluate_on": "valid"})
    (tmp_path / "runs").rename(tmp_path / "tuning" / "runs")
    assert list(collect(tmp_path / "tuning").records) == [run.id]


def test_a_folder_of_damaged_records_is_bad_input_that_names_one(
    make: MakeRecord, tmp_path: Path
) -> None:
    make()
    path = next(tmp_path.rglob("*.json"))
    path.write_text("{")
    with pytest.raises(BadInput, match=path.name):
        collect(tmp_path)


def test_spec_columns_keep_their_types(make: MakeRecord, tmp_path: Path) -> None:
    make(spec={"strategy_args.rank": 16, "strategy_args.layers": ["a", "b"]})
    make("naive")
    runs = collect(tmp_path).runs
    assert repr(runs.loc[runs["strategy"] == "ness", "spec.strategy_args.rank"].iloc[0]) == "16"
    assert runs["spec.strategy_args.layers"].iloc[1] == '["a", "b"]'


def test_canonical_order() -> None:
    expected = ["joint", "cumulative", "naive", "frozen", "random_subspace"]
    expected += ["adam_nscl", "gpm", "lora", "ness", "ness_sam"]
    shuffled = random.Random(0).sample(expected, len(expected))
    assert sorted(shuffled, key=canonical) == expected


def test_confounds_name_shared_settings_that_differ_and_own_ones() -> None:
    rows = {
        "naive": {"optimizer": {"name": "sgd", "momentum": 0.9}, "seed": 0},
        "gpm": {"optimizer": {"name": "sgd", "momentum": 0.0}, "seed": 1},
        "ness": {
            "optimizer": {"name": "sgd", "momentum": 0.9},
            "strategy_args": {"eps": 0.001, "optimizer": "shared"},
        },
        "adam_nscl": {
            "optimizer": {"name": "sgd", "momentum": 0.9},
            "strategy_args": {"optimizer": "adam", "threshold": 10},
        },
    }
    assert confounds({label: flatten(spec) for label, spec in rows.items()}) == [
        "optimizer.momentum = 0 (gpm); 0.9 (all others)",
        "adam_nscl sets its own strategy_args.optimizer = adam",
    ]


def test_a_key_that_old_specs_lack_is_shown_with_what_they_mean() -> None:
    rows = {
        "naive": {"protocol": {"epochs": 3}},
        "replay": {"protocol": {"epochs": 3, "keep": "last"}},
    }
    assert confounds({label: flatten(spec) for label, spec in rows.items()}) == [
        "protocol.keep = best (naive); last (replay)"
    ]


def test_streams_never_share_a_file() -> None:
    assert stems(["a/b", "a-b", "../x", "a b"]) == {
        "../x": "x",
        "a b": "a-b",
        "a-b": "a-b-2",
        "a/b": "a-b-3",
    }


def test_the_same_spec_on_other_data_is_not_averaged(make: MakeRecord, tmp_path: Path) -> None:
    for seed, data_hash in ((1, "a" * 64), (2, "b" * 64)):
        record = make("ness", seed)
        record.stream["data_hash"] = data_hash
        record.write(tmp_path)
    labels = list(collect(tmp_path).runs["label"])
    assert labels == ["ness [data_hash=aaaaaaaaaaaa]", "ness [data_hash=bbbbbbbbbbbb]"]


def test_every_label_of_a_stream_on_two_image_sets_names_its_own(
    make: MakeRecord, tmp_path: Path
) -> None:
    first, second = ({"data_hash": sign * 64} for sign in "ab")
    for seed in (1, 2):
        make("naive", seed, described=first)
    make("ness", described=second, spec={"strategy_args.eps": 0.1})
    make("ness", matrix=CUT_OFF, status="failed", described=first)
    make("gpm", stream="split_mnist/til", described=second)
    runs = collect(tmp_path).runs
    assert list(runs["label"]) == [
        "naive [data_hash=aaaaaaaaaaaa]",
        "naive [data_hash=aaaaaaaaaaaa]",
        "ness [data_hash=aaaaaaaaaaaa, strategy_args.eps=unset]",
        "ness [data_hash=bbbbbbbbbbbb, strategy_args.eps=0.1]",
        "gpm",
    ]
