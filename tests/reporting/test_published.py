"""The shipped numbers against those of protocol.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from baselines import STRATEGIES
from benchmarks.reporting.order import NULL_SPACE
from benchmarks.reporting.published import SHIPPED, read_published
from benchmarks.reporting.published_entries import Estimate

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"

CIFAR100, FIVE, MINI = "split_cifar100/til", "five_datasets/til", "split_miniimagenet/til"

# strategy, stream, kind, ACC, BWT: the literals of protocol.md section 5 (InfLoRA: section 6).
# 68.84 and GPM's n = 5 are in the note at the end of section 5.
IN_THE_PAPERS = [
    ("gpm", CIFAR100, "reported", 72.48, None),
    ("gpm", CIFAR100, "rerun", 73.94, None),
    ("gpm", CIFAR100, "rerun", 68.84, None),
    ("trgp", CIFAR100, "reported", 74.46, None),
    ("trgp", CIFAR100, "reported", 74.49, None),
    ("trgp", CIFAR100, "rerun", 77.77, None),
    ("trgp", FIVE, "reported", 93.56, None),
    ("trgp", MINI, "reported", 61.78, None),
    ("adam_nscl", CIFAR100, "reported", 73.77, -1.6),
    ("adam_nscl", CIFAR100, "log", 73.76, -1.59),
    ("adam_nscl", CIFAR100, "reported", 75.95, -3.66),
    ("adam_nscl", "split_tinyimagenet/til", "reported", 58.28, -6.05),
    ("owm", CIFAR100, "rerun", 68.89, -1.88),
    ("ewc", CIFAR100, "rerun", 70.77, -2.83),
    ("lwf", CIFAR100, "rerun", 70.70, -6.27),
    ("agem", CIFAR100, "rerun", 49.57, -1.13),
    ("gem", CIFAR100, "rerun", 49.48, 2.77),
    ("inflora", "split_cifar100/cil", "log", 86.67, None),
    ("inflora", "split_cifar100/cil", "log", 86.95, None),
]

BY_SEED = {
    ("dfgp", CIFAR100): [(1, 74.51, -1.46), (2, 74.68, -0.23)],
    ("dfgp", FIVE): [(1, 92.17, -1.67), (2, 91.68, -1.79), (3, 92.21, -1.64)],
    ("dfgp", MINI): [(1, 69.01, 0.45), (2, 70.83, -0.65)],
}


def test_the_shipped_numbers_are_those_of_the_papers() -> None:
    values = [value for value in read_published().values if not value.seeds]
    found = [(v.strategy, v.stream, v.kind, v.acc, v.bwt) for v in values]
    assert sorted(found, key=str) == sorted(IN_THE_PAPERS, key=str)
    assert all(v.acc_std is None and v.bwt_std is None for v in values)
    assert {(v.strategy, v.acc): v.n for v in values if v.n is not None} == {
        ("gpm", 72.48): 5,
        ("adam_nscl", 73.76): 1,
        ("inflora", 86.67): 1,
        ("inflora", 86.95): 1,
    }


def test_the_shipped_logs_are_those_of_dfgp() -> None:
    values = [value for value in read_published().values if value.seeds]
    assert {
        (v.strategy, v.stream): [(run.seed, run.acc, run.bwt) for run in v.seeds] for v in values
    } == BY_SEED
    assert {v.kind for v in values} == {"log"}


def test_nothing_is_published_of_ness() -> None:
    assert not [v for v in read_published().values if v.strategy.startswith("ness")]


def test_shipped_strategies_are_registered_and_streams_have_a_scenario() -> None:
    published = read_published(strategies=STRATEGIES)
    assert {value.stream.rpartition("/")[2] for value in published.values} == {"til", "cil"}
    assert set(NULL_SPACE) <= set(STRATEGIES)


def test_shipped_protocols_say_what_decides() -> None:
    protocols = read_published().protocols
    gpm = protocols["gpm_cifar100"]
    assert (
        gpm.spec.items()
        >= {
            "backbone": "alexnet",
            "stream.samples_per_task": [4750, 250, 1000],
            "protocol.epochs": 200,
            "optimizer.lr": 0.01,
            "optimizer.momentum": 0.0,
            "strategy_args.threshold": 0.97,
        }.items()
    )
    assert protocols["trgp_five_datasets"].spec["protocol.lr_min"] == 1e-3
    assert protocols["dfgp_miniimagenet"].spec["stream.samples_per_task"] == [2450, 50, 500]
    for name in ("dfgp_five_datasets", "trgp_five_datasets"):
        assert "MNIST" in protocols[name].not_comparable
    assert "64 base filters" in protocols["nscl_rivals"].not_comparable
    in_20_tasks, in_10 = protocols["adam_nscl_20_tasks"], protocols["adam_nscl"]
    # Section 2 gives no more of CIFAR-20; what it says of the ten tasks holds for them alone.
    given = {"protocol.batch_size": 16, "strategy_args.a": 30.0}
    stream = {"stream.tasks": 20, "stream.classes_per_task": 5}
    assert in_20_tasks.spec == given | stream
    assert set(in_20_tasks.unknown) == in_10.spec.keys() - in_20_tasks.spec.keys()
    assert protocols["gpm_libcontinual_20_tasks"].unknown == protocols["gpm_libcontinual"].unknown


def test_mean_std_and_n_follow_from_seeds() -> None:
    (value,) = (v for v in read_published().values if (v.strategy, v.stream) == ("dfgp", FIVE))
    acc, bwt = value.estimate("acc"), value.estimate("bwt")
    # (92.17 + 91.68 + 92.21) / 3; deviations 0.15, -0.34, 0.19 give sqrt(0.1742 / 2).
    assert acc == Estimate(pytest.approx(92.02), pytest.approx(0.29513, abs=1e-5), 3)
    assert bwt == Estimate(pytest.approx(-1.70), pytest.approx(0.07937, abs=1e-5), 3)


def test_the_shipped_file_says_where_it_comes_from() -> None:
    text = SHIPPED.read_text()
    for word in ("protocol.md", "could not be had", "# ours", "75.24"):
        assert word in text


def test_what_was_found_since_is_in_the_protocol() -> None:
    section = PROTOCOL.read_text().split("## 5.")[1].split("## 6.")[0]
    note = section.split("Found since: ")[1]
    for word in ("68.84", "35108fa", "72.48", "averaged over 5 runs", "standard deviations"):
        assert word in note
    assert "note at the end" in " ".join(SHIPPED.read_text().replace("#", " ").split())
