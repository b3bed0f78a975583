"""Batch norm fails on a batch of one: no method may meet one, whatever cuts its batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from small_runs import run_spec
from torch import Tensor, nn

from benchmarks.backbones import BACKBONES, MultiHeadNet, TaskHeads
from benchmarks.backbones.norms import BatchNormKind, batch_norm, normalise
from benchmarks.build import load_stream
from benchmarks.errors import BadInput
from benchmarks.preflight import check_all
from benchmarks.run import run


class Normalised(MultiHeadNet):
    """One layer, norm, heads."""

    def __init__(self, heads: Sequence[int], bn: BatchNormKind) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 16, bias=False)
        self.bn = batch_norm(1, 16, bn, len(heads))
        self.heads = TaskHeads(16, heads)

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        return torch.relu(normalise(self.bn, self.fc(x.flatten(1)), task_labels))


def normalised(
    *, bn: BatchNormKind = "batch_stats", heads: Sequence[int], input_shape: Sequence[int]
) -> Normalised:
    return Normalised(heads, bn)


@pytest.fixture(autouse=True)
def backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "normalised", normalised)


@pytest.mark.parametrize("scenario", ["til", "cil"])
@pytest.mark.parametrize(
    ("strategy", "batch_size", "changes"),
    [
        ("ewc", 19, []),
        ("mas", 19, ["lambda_reg=0.01"]),
        ("gdumb", 32, ["mem_size=33"]),
        ("agem", 32, ["sample_size=64"]),
        ("replay", 32, ["mem_size=33"]),
        ("cumulative", 19, []),
    ],
)
def test_no_method_meets_a_batch_of_one(
    tmp_path: Path, strategy: str, batch_size: int, changes: list[str], scenario: str
) -> None:
    spec = run_spec(
        strategy,
        f"stream=split_digits/{scenario}",
        "backbone=normalised",
        "backbone_args={}",
        "protocol.epochs=1",
        f"protocol.batch_size={batch_size}",
        *(f"strategy.{strategy}.{change}" for change in changes),
    )
    assert any(len(task.train) % 19 == 1 for task in load_stream(spec, None).tasks)
    record = run(spec, tmp_path)
    assert record.status == "finished", record.error
    assert record.keeps_data == (strategy not in ("ewc", "mas"))


@pytest.mark.parametrize("strategy", ["gdumb", "from_scratch"])
def test_statistics_of_tasks_need_a_net_that_goes_on(strategy: str) -> None:
    spec = run_spec(strategy, "backbone=normalised", 'backbone_args={bn="task_stats"}')
    with pytest.raises(BadInput, match=f"'{strategy}' starts a new net for each task; set bn ="):
        check_all([spec], None, None)


def test_all_heads_share_one_pass_of_the_trunk_unless_it_depends_on_the_task() -> None:
    x = torch.randn(5, 64)
    passes: list[int] = []
    for bn, training, expected in (
        ("batch_stats", True, 1),
        ("batch_stats", False, 1),
        ("task_stats", True, 1),
        ("task_stats", False, 3),
    ):
        torch.manual_seed(0)
        net = Normalised([2, 3, 2], bn).train(training)
        net.known_train_tasks_labels = {0, 1, 2}
        net.fc.register_forward_hook(lambda *_: passes.append(1))
        passes.clear()
        outputs = net(x, None)
        assert len(passes) == expected
        assert set(outputs) == {0, 1, 2}
        for task, logits in outputs.items():
            assert torch.equal(logits, net(x, torch.full((5,), task)))
