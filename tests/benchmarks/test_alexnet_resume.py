"""The papers' net: convolutions, dropout and batch statistics, killed and resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_runs import STRATEGIES, interrupt_at
from test_run import numbers

import baselines
from benchmarks.backbones import alex_net
from benchmarks.data import cache
from benchmarks.errors import BadInput
from benchmarks.preflight import check_all
from benchmarks.run import run
from benchmarks.streams import cifar
from benchmarks.sweep_spec import expand, load_sweep

SMALL = Path(cifar.__file__).parents[1] / "specs" / "cpu" / "split_cifar100_small.toml"
N_TRAIN, N_TEST = 20, 4


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of 100 classes of noise around a mean of their own, and a narrow net for them.

    The decompositions of the full widths would take most of the test's time.
    """
    monkeypatch.setattr(alex_net, "CONVOLUTIONS", ((16, 4), (16, 3), (32, 2)))
    monkeypatch.setattr(alex_net, "WIDTH", 64)
    generator = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", N_TRAIN), ("test", N_TEST)):
        y = np.repeat(np.arange(100), n)
        noise = generator.integers(0, 156, (len(y), 32, 32, 3), dtype=np.uint8)
        arrays |= {f"{split}_x": noise + y.astype(np.uint8)[:, None, None, None], f"{split}_y": y}
    cache.store(tmp_path / "data" / "cifar100", "torchvision", arrays)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("strategy", "bn"),
    [
        *(pytest.param(*p.values, "batch_stats", marks=p.marks) for p in STRATEGIES),
        ("ness", "task_stats"),
    ],
)
def test_killed_and_resumed_equals_left_alone(
    tmp_path: Path, data_dir: Path, strategy: str, bn: str
) -> None:
    changes = [
        f'strategies=["{strategy}"]',
        "seeds=[1]",
        "stream_args.tasks=2",
        "stream_args.classes_per_task=2",
        f"stream_args.train_per_class={N_TRAIN}",
        f"stream_args.test_per_class={N_TEST}",
        "stream_args.valid_share=0.1",
        "protocol.epochs=2",
        "protocol.batch_size=4",
        f"backbone_args.bn={bn}",
    ]
    plugin = baselines.load(strategy)
    spec = expand(load_sweep(SMALL, changes))[0]
    alone = run(spec, tmp_path / "alone", data_dir=data_dir)
    assert alone.status == "finished", alone.error
    last = len(alone.tasks) - 1
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", data_dir=data_dir, notify=interrupt_at(last, epoch=1))
    trained: list[int] = []
    resumed = run(
        spec,
        tmp_path / "killed",
        data_dir=data_dir,
        notify=lambda task, *_: trained.append(task),
    )
    assert trained[0] == (last if plugin.resumable else 0)
    assert numbers(resumed) == numbers(alone)
    if strategy in ("ness", "gpm", "adam_nscl", "lora"):
        assert set(alone.tasks[1].ranks) == {"conv1", "conv2", "conv3", "fc1", "fc2"}


@pytest.mark.parametrize("scenario", ["cil", "dil"])
def test_statistics_of_the_task_are_refused_where_the_task_is_hidden(
    data_dir: Path, scenario: str
) -> None:
    changes = [
        f'stream="split_cifar100/{scenario}"',
        'strategies=["naive"]',
        f"stream_args.train_per_class={N_TRAIN}",
        f"stream_args.test_per_class={N_TEST}",
        "stream_args.valid_share=0.1",
    ]
    check_all([expand(load_sweep(SMALL, changes))[0]], None, data_dir)
    with pytest.raises(
        BadInput, match=r"bn = 'task_stats' .* set backbone_args.bn = 'batch_stats'"
    ):
        check_all(
            [expand(load_sweep(SMALL, [*changes, "backbone_args.bn=task_stats"]))[0]],
            None,
            data_dir,
        )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("protocol.batch_size=1", "protocol.batch_size = 1: alexnet has batch norm"),
        ("protocol.eval_batch_size=1", "protocol.eval_batch_size = 1"),
        ("stream_args.test_per_class=1", "the test split of task 1 has one image"),
    ],
)
def test_batches_of_one_are_refused_before_training(
    data_dir: Path, change: str, named: str
) -> None:
    changes = [
        "stream_args.classes_per_task=1",
        f"stream_args.train_per_class={N_TRAIN}",
        f"stream_args.test_per_class={N_TEST}",
        "stream_args.valid_share=0.1",
        change,
    ]
    with pytest.raises(BadInput, match=named):
        check_all([expand(load_sweep(SMALL, changes))[0]], None, data_dir)
