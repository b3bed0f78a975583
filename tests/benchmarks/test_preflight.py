"""What stops a sweep before its first run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import SMALL, run_spec, run_specs

from benchmarks import build
from benchmarks.errors import BadInput
from benchmarks.preflight import check_all
from benchmarks.spec import RunSpec
from benchmarks.streams.stream import Stream
from benchmarks.sweep import sweep
from benchmarks.sweep_spec import expand, load_sweep

Load = Callable[[RunSpec, Path | None], Stream]


def tensor_file(path: Path, seed: int) -> list[str]:
    """Overrides for a sweep over a file of random vectors of four classes."""
    generator = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for split, n in (("train", 40), ("test", 20)):
        arrays[f"{split}_x"] = generator.normal(size=(n, 6)).astype(np.float32)
        arrays[f"{split}_y"] = np.arange(n) % 4
    np.savez(path, **arrays)
    table = f'{{file="{path}", tasks=2, classes_per_task=2, valid_share=0.2}}'
    return ["stream=from_tensors/til", f"stream_args={table}", "protocol.epochs=1"]


def test_finished_runs_on_other_images_are_not_gone_on_with(tmp_path: Path) -> None:
    file, out = tmp_path / "data.npz", tmp_path / "out"
    overrides = tensor_file(file, 0)
    specs = run_specs(["naive", "frozen"], [1], *overrides)
    assert sweep(specs[:1], out) == {"finished": 1}
    tensor_file(file, 1)
    for wanted in (specs, specs[1:]):
        with pytest.raises(BadInput, match=r"\(naive, seed 1\) was made on other images of from_t"):
            sweep(wanted, out)
    tensor_file(file, 0)
    assert sweep(specs, out) == {"finished": 2}


def test_runs_of_another_stream_in_the_folder_are_no_matter(tmp_path: Path) -> None:
    sweep([run_spec("naive")], tmp_path / "out")
    overrides = tensor_file(tmp_path / "data.npz", 0)
    specs = [run_spec("naive"), run_spec("naive", *overrides)]
    assert sweep(specs, tmp_path / "out") == {"finished": 2}


def test_every_setting_of_a_grid_is_checked() -> None:
    overrides = ['strategies=["ness"]', 'grid={"strategy.ness.exclude" = ["fc1", "fc9"]}']
    with pytest.raises(BadInput, match="exclude = 'fc9' matches no layer"):
        check_all(expand(load_sweep(SMALL, overrides)), None, None)


def test_a_stream_is_loaded_once_for_all_methods_and_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[RunSpec] = []
    load: Load = build.load_stream

    def count(spec: RunSpec, data_dir: Path | None) -> Stream:
        loaded.append(spec)
        return load(spec, data_dir)

    monkeypatch.setattr(build, "load_stream", count)
    check_all(run_specs(["naive", "ness", "gpm"], [1, 2]), None, None)
    assert len(loaded) == 1


def test_a_gpu_is_looked_for_only_where_the_runs_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login node of a cluster has none."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    specs = [spec.model_copy(update={"device": "cuda"}) for spec in run_specs(["naive"], [1])]
    with pytest.raises(BadInput, match="torch sees no GPU here"):
        check_all(specs, None, None)
    check_all(specs, None, None, here=False)
