"""The specs that are shipped: all can be run, and the papers' say where values come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import baselines
from benchmarks.spec import RunSpec
from benchmarks.sweep_spec import expand, load_sweep

SPECS = Path(__file__).resolve().parents[2] / "benchmarks" / "specs"
ALL = sorted(SPECS.rglob("*.toml"))
PAPER = sorted(SPECS.glob("paper/*.toml"))

NEEDS_AN_EXTRA = {"gem"}


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(SPECS)) for path in paths]


def runs_of(name: str, strategy: str) -> list[RunSpec]:
    return [run for run in expand(load_sweep(SPECS / name)) if run.strategy == strategy]


@pytest.mark.parametrize("name", names(ALL))
def test_every_spec_expands_to_runs_of_its_own(name: str) -> None:
    runs = expand(load_sweep(SPECS / name))
    assert len({run.id for run in runs}) == len(runs) > 0


@pytest.mark.parametrize("name", names(PAPER))
def test_a_paper_preset_has_every_method_and_the_authors_seeds(name: str) -> None:
    sweep = load_sweep(SPECS / name)
    assert set(sweep.strategies) == baselines.STRATEGIES.keys() - NEEDS_AN_EXTRA
    assert sweep.seeds == [1, 2, 3, 4, 37]
    assert sweep.device == "cuda"


@pytest.mark.parametrize("name", names(PAPER))
def test_every_value_of_a_paper_preset_says_where_it_comes_from(name: str) -> None:
    text = (SPECS / name).read_text()
    known = set(re.findall(r"\[([A-Z])\] [A-Z]", text.partition("stream =")[0]))
    values = [line for line in text.splitlines() if re.match(r"[a-z_.0-9]+ = (?!\[$)", line)]
    assert len(values) > 80
    for line in values:
        source = re.search(r"# (?:ours|\[([A-Z]|\d\w?)\]|freezes|--set)", line)
        assert source, line
        assert source[1] is None or source[1] in known or source[1][0].isdigit(), line


# Golden values: docs/protocol.md section 2, first table.
@pytest.mark.parametrize(
    ("name", "strategy", "lr", "momentum", "decay", "epochs"),
    [
        ("cifar100", "ness", 0.005, 0.9, 1e-4, 200),
        ("cifar100", "ness_sam", 0.05, 0.0, 0.0, 200),
        ("cifar100", "gpm", 0.01, 0.0, 0.0, 200),
        ("cifar100", "sgp", 0.05, 0.0, 0.0, 200),
        ("cifar100", "trgp", 0.01, 0.0, 0.0, 200),
        ("cifar100", "dfgp", 0.01, 0.0, 0.0, 200),
        ("cifar100", "fs_dgpm", 0.01, 0.9, 0.0, 50),
        ("five_datasets", "ness", 0.05, 0.9, 5e-5, 200),
        ("five_datasets", "ness_sam", 0.1, 0.0, 5e-5, 200),
        ("five_datasets", "gpm", 0.1, 0.0, 0.0, 100),
        ("five_datasets", "sgp", 0.1, 0.0, 0.0, 200),
        ("five_datasets", "trgp", 0.1, 0.0, 0.0, 200),
        ("five_datasets", "dfgp", 0.1, 0.0, 0.0, 100),
        ("miniimagenet", "ness", 0.01, 0.9, 1e-5, 100),
        ("miniimagenet", "ness_sam", 0.1, 0.0, 1e-5, 100),
        ("miniimagenet", "gpm", 0.1, 0.0, 0.0, 100),
        ("miniimagenet", "sgp", 0.1, 0.0, 0.0, 100),
        ("miniimagenet", "trgp", 0.1, 0.0, 0.0, 200),
        ("miniimagenet", "dfgp", 0.1, 0.0, 0.0, 100),
    ],
)
def test_optimisers_are_those_of_the_authors(
    name: str, strategy: str, lr: float, momentum: float, decay: float, epochs: int
) -> None:
    run = runs_of(f"paper/{name}.toml", strategy)[0]
    made = run.optimizer
    assert (made.name, made.lr, made.momentum, made.weight_decay) == ("sgd", lr, momentum, decay)
    assert (run.protocol.epochs, run.protocol.batch_size) == (epochs, 64)


@pytest.mark.parametrize(
    ("name", "patience", "factor", "lr_min", "tasks", "stride"),
    [
        ("cifar100", 6, 2.0, 1e-5, 10, None),
        ("five_datasets", 5, 3.0, 1e-3, None, 1),
        ("miniimagenet", 5, 3.0, 1e-3, 20, 2),
    ],
)
def test_schedules_and_nets_are_those_of_the_authors(
    name: str, patience: int, factor: float, lr_min: float, tasks: int | None, stride: int | None
) -> None:
    run = runs_of(f"paper/{name}.toml", "ness")[0]
    found = run.protocol
    assert (found.patience, found.factor, found.lr_min) == (patience, factor, lr_min)
    assert run.stream_args.get("tasks") == tasks
    assert run.backbone_args.get("stride") == stride
    assert found.keep == "best"


@pytest.mark.parametrize(
    ("name", "strategy", "arguments"),
    [
        ("cifar100", "ness", {"eps": 1e-3, "rule": "nuclear", "moments": "accumulate"}),
        ("five_datasets", "ness", {"eps": 1e-3}),
        ("miniimagenet", "ness", {"eps": 5e-4}),
        ("cifar100", "ness_sam", {"rho": 0.05, "sam_tasks": "first"}),
        ("cifar100", "gpm", {"threshold": 0.97, "increment": 0.003, "samples": 125}),
        ("five_datasets", "gpm", {"threshold": 0.965, "increment": 0.0, "samples": 100}),
        ("miniimagenet", "gpm", {"threshold": 0.965, "increment": 0.003, "samples": 100}),
        ("cifar100", "sgp", {"threshold": 0.97, "increment": 0.003, "alpha": 10.0}),
        ("cifar100", "trgp", {"threshold": 0.97, "increment": 0.003, "trust": 0.5}),
        ("five_datasets", "trgp", {"threshold": 0.965, "increment": 0.0, "trust": 0.5}),
        ("miniimagenet", "trgp", {"threshold": 0.985, "increment": 0.0, "trust": 0.5}),
        ("cifar100", "dfgp", {"threshold": 0.95, "alpha": 20.0, "increment": 0.0}),
        ("five_datasets", "dfgp", {"threshold": 0.95, "alpha": 1.0}),
        ("miniimagenet", "dfgp", {"threshold": 0.97, "alpha": 20.0, "weight": 0.01}),
        ("cifar100", "fs_dgpm", {"mem_size": 1000, "eta1": 0.001, "eta2": 0.01, "clip": 2.0}),
        ("cifar100", "adam_nscl", {"a": 10.0, "lr_first": 1e-4, "lr": 5e-5, "bn_ewc": 100.0}),
    ],
)
def test_methods_have_the_settings_of_the_authors(
    name: str, strategy: str, arguments: dict[str, float | str]
) -> None:
    args = runs_of(f"paper/{name}.toml", strategy)[0].strategy_args
    assert {key: args[key] for key in arguments} == arguments


def test_miniimagenet_has_the_authors_class_order_and_the_others_none() -> None:
    orders = {path.stem: load_sweep(path).class_order for path in PAPER}
    assert orders == {"cifar100": "fixed", "five_datasets": "fixed", "miniimagenet": "per_seed"}


def test_the_ablation_of_patches_goes_on_from_runs_with_all_of_them() -> None:
    small = "cpu/split_cifar100_small.toml"
    ness = runs_of("ablations/patch_share.toml", "ness")
    assert {run.strategy_args.get("patch_share") for run in ness} == {None, 0.25, 0.1, 0.02}
    whole = [run for run in ness if "patch_share" not in run.strategy_args]
    assert [run.id for run in whole] == [run.id for run in runs_of(small, "ness")]
