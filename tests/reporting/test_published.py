"""The shipped numbers against those of protocol.md, and what a wrong file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from baselines import STRATEGIES
from benchmarks.errors import BadInput
from benchmarks.reporting.order import NULL_SPACE
from benchmarks.reporting.published import SHIPPED, read_published
from benchmarks.reporting.published_entries import Estimate

CIFAR100, FIVE, MINI = "split_cifar100/til", "five_datasets/til", "split_miniimagenet/til"

# strategy, stream, kind, ACC, BWT: the literals of protocol.md section 5 (InfLoRA: section 6).
# 68.84 alone is from elsewhere: LibContinual's reproduce/gpm/README.md, its second row.
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
    assert protocols["gpm_libcontinual_20_tasks"].unknown == protocols["gpm_libcontinual"].unknown


def test_mean_std_and_n_follow_from_seeds() -> None:
    (value,) = (v for v in read_published().values if (v.strategy, v.stream) == ("dfgp", FIVE))
    acc, bwt = value.estimate("acc"), value.estimate("bwt")
    # (92.17 + 91.68 + 92.21) / 3; deviations 0.15, -0.34, 0.19 give sqrt(0.1742 / 2).
    assert acc == Estimate(pytest.approx(92.02), pytest.approx(0.29513, abs=1e-5), 3)
    assert bwt == Estimate(pytest.approx(-1.70), pytest.approx(0.07937, abs=1e-5), 3)


VALID = """
tolerance = 2.0
[protocol.paper]
spec.protocol.epochs = 200
[[value]]
strategy = "gpm"
stream = "split_digits/til"
kind = "reported"
source = "a paper"
protocol = "paper"
acc = 80.0
"""


def refusal(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_published(path, STRATEGIES)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("acc = 80.0", "acc = 180.0", "value 1 (gpm on split_digits/til): acc: Input should be"),
        ("acc = 80.0", "", "value 1 (gpm on split_digits/til): acc is missing"),
        ("acc = 80.0", "acc = nan", "value 1 (gpm on split_digits/til): acc: "),
        ("acc = 80.0", "acc = 80.0\nbwt_std = 1.0", "bwt_std without bwt; give both"),
        ("acc = 80.0", "acc = 80.0\nseeds = [{ seed = 1, acc = 2.0 }]", "not both"),
        (
            "acc = 80.0",
            "seeds = [{ seed = 1, acc = 2.0 }, { seed = 1, acc = 3.0 }]",
            "seeds lists a seed twice",
        ),
        ("acc = 80.0", "acc = 80.0\naccc = 1.0", "unknown key 'accc'; did you mean 'acc'?"),
        ('"gpm"', '"gmp"', "value 1 (gmp on split_digits/til): unknown strategy 'gmp'; did you"),
        ('= "paper"', '= "papers"', "unknown protocol 'papers'; did you mean 'paper'?"),
        ('"reported"', '"rumoured"', "kind: Input should be 'reported', 'rerun' or 'log'"),
        ('source = "a paper"', "", "value 1 (gpm on split_digits/til): source: Field required"),
        ("[protocol.paper]", '[protocol.paper]\nbase = "other"', "protocol.paper: base: no protoc"),
        ("[protocol.paper]", "[protocol.paper]\nunknow = []", "protocol.paper: unknown key 'unkno"),
        ("tolerance = 2.0", "", "tolerance: Field required"),
        ("tolerance = 2.0", "tolerance = 0.0", "tolerance: Input should be greater than 0"),
        ("tolerance = 2.0", "tolerance = 2.0\nvalues = []", "unknown key 'values'; did you mean"),
        ("tolerance = 2.0", "tolerance = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_which_entry(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in VALID
    assert said in refusal(tmp_path, VALID.replace(before, after))


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.toml: cannot be read .*published\.toml"):
        read_published(tmp_path / "gone.toml")


def test_a_protocol_adds_to_its_base_and_a_value_may_have_its_own_tolerance(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        VALID.replace('= "paper"', '= "more"').replace(
            "[[value]]",
            '[protocol.more]\nbase = "paper"\nspec.protocol.epochs = 100\nspec.backbone = "mlp"\n'
            "[[value]]\ntolerance = 0.5",
        )
    )
    published = read_published(path)
    assert published.protocols["more"].spec == {"protocol.epochs": 100, "backbone": "mlp"}
    assert published.tolerance_of(published.values[0]) == 0.5


def test_the_shipped_file_says_where_it_comes_from() -> None:
    text = SHIPPED.read_text()
    for word in ("protocol.md", "could not be had", "# ours", "75.24"):
        assert word in text
