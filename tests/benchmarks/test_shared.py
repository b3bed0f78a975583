"""Machines that execute runs see the same results, data and code, or are refused by name."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import executors
from benchmarks.errors import BadInput
from benchmarks.executors import ray_cluster, shared
from benchmarks.executors.shared import Shared, lay


@pytest.fixture
def laid(tmp_path: Path) -> Shared:
    (tmp_path / "data" / "cifar100").mkdir(parents=True)
    return lay(tmp_path / "out", tmp_path / "data")


def test_the_machine_that_lays_the_probe_sees_all(laid: Shared) -> None:
    laid.check()


def test_other_results_data_code_and_packages_are_named(
    laid: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "far")
    others: dict[str, Any] = {
        f"node far does not see the results in {tmp_path / 'out'}: give an --out": {"token": "-"},
        f"node far does not see the data sets in {tmp_path / 'data'}: name a folder": {
            "entries": frozenset({"svhn"})
        },
        f"node far has other code in {shared.ROOT} than the sweep began with": {"code": "-"},
        "node far has torch 2.": {"packages": {"torch": "1.0"}},
        "node far has nosuch not at all, and the sweep runs with 1.0": {
            "packages": {"nosuch": "1.0"}
        },
    }
    for message, change in others.items():
        with pytest.raises(BadInput) as caught:
            replace(laid, **change).check()
        assert message in str(caught.value)


def test_more_data_than_the_sweep_has_is_no_fault(laid: Shared, tmp_path: Path) -> None:
    (tmp_path / "data" / "svhn").mkdir()
    laid.check()


def test_a_missing_ray_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: None)
    with pytest.raises(BadInput, match=r'needs Ray: pip install -e "\.\[ray\]"'):
        executors.make("ray")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpu_share": 0.0}, "--option gpu_share=0: give more than 0"),
        ({"gpu_share": 1.5}, "--option gpu_share=1.5: give a part of one GPU, or whole ones"),
        ({"cpus": -1.0}, "--option cpus=-1: give more than 0"),
        ({"memory_gb": -0.5}, "--option memory_gb=-0.5: give more than 0"),
        ({"adress": "auto"}, "unknown key option.adress; did you mean 'address'?"),
    ],
)
def test_options_that_cannot_be_are_named(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: object())
    with pytest.raises(BadInput) as caught:
        executors.make("ray", options=options)
    assert message in str(caught.value)
