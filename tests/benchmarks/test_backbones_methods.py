"""NESS and GPM on the reduced ResNet18 and on other libraries' models: they protect old tasks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import interrupt_at, run_spec
from test_run import numbers
from torch import Tensor, nn

import baselines
from benchmarks.backbones import BACKBONES, MultiHeadNet
from benchmarks.run import run
from toys import toy_benchmark, toy_strategy

pytest.importorskip("timm")

TINY: dict[str, Any] = {"depth": 2, "embed_dim": 32, "num_heads": 2, "patch_size": 4}
NETS: dict[str, tuple[str, dict[str, Any], int]] = {
    "resnet18": ("resnet18", {"width": 4}, 16),
    "shufflenet": ("torchvision", {"model": "shufflenet_v2_x0_5"}, 16),
    "vit": ("timm", {"model": "vit_tiny_patch16_224", "model_args": TINY | {"img_size": 16}}, 16),
    "beit": ("timm", {"model": "beit_base_patch16_224", "model_args": TINY | {"img_size": 16}}, 16),
}
"""Shortcuts; grouped convolutions and running statistics; attention; a qkv layer whose weight is
read past the layer."""
METHODS: dict[str, dict[str, Any]] = {"ness": {"eps": 1e-3}, "gpm": {"threshold": 0.999}}


def trunk(model: MultiHeadNet) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, p) for name, p in model.named_parameters() if not name.startswith("heads."))


def train_two(net: str, method: str) -> tuple[float, float, list[str]]:
    """How far task 2 moves the outputs of task 1 and the trunk's weights, and the warnings."""
    library, arguments, side = NETS[net]
    torch.manual_seed(0)
    model = BACKBONES[library](**arguments, heads=[2, 2], input_shape=(3, side, side))
    plugin = baselines.load(method)(**METHODS.get(method, {}))
    lr, epochs = (0.1, 6) if library == "timm" else (0.03, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    strategy = toy_strategy(model, [plugin], optimizer=optimizer, epochs=epochs)
    benchmark = toy_benchmark(tasks=2, shape=(3, side, side), rank=4)
    x = torch.stack([sample[0] for sample in benchmark.train_stream[0].dataset])

    def outputs() -> Tensor:
        model.eval()
        with torch.no_grad():
            logits: Tensor = model(x, torch.zeros(len(x), dtype=torch.int64))
        return logits

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        strategy.train(benchmark.train_stream[0], eval_streams=[])
        before = outputs()
        weights = {name: p.detach().clone() for name, p in trunk(model)}
        strategy.train(benchmark.train_stream[1], eval_streams=[])
    change = ((outputs() - before).norm() / before.norm()).item()
    moved = max((p - weights[name]).abs().max().item() for name, p in trunk(model))
    return change, moved, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("net", NETS)
def test_old_outputs_stay_where_naive_moves_them(net: str) -> None:
    forgotten, _, _ = train_two(net, "naive")
    assert forgotten > 0.02
    for method in METHODS:
        change, moved, _ = train_two(net, method)
        assert moved > 1e-4, f"{method} froze the trunk"
        assert change < 0.1 * forgotten, method


def test_a_layer_that_is_read_past_is_frozen_and_named() -> None:
    """BEiT's attention multiplies with ``qkv.weight`` itself: no update would reach it."""
    for method in METHODS:
        _, _, messages = train_two("beit", method)
        (message,) = [text for text in messages if "never called on earlier tasks" in text]
        assert message.endswith("frozen: trunk.blocks.0.attn.qkv, trunk.blocks.1.attn.qkv")


@pytest.mark.parametrize("strategy", ["ness", "gpm"])
def test_a_run_killed_and_resumed_equals_one_left_alone(tmp_path: Path, strategy: str) -> None:
    spec = run_spec(
        strategy,
        "backbone=timm",
        'backbone_args={model="vit_tiny_patch16_224", model_args={img_size=8, in_chans=1, '
        "patch_size=4, depth=1, embed_dim=16, num_heads=2}}",
        "stream_args.tasks=2",
        "protocol.epochs=2",
    )
    alone = run(spec, tmp_path / "alone")
    assert alone.status == "finished", alone.error
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", notify=interrupt_at(1, epoch=1))
    assert numbers(run(spec, tmp_path / "killed")) == numbers(alone)
