"""Models of torchvision and timm under our heads: their features, and what does not fit."""

from __future__ import annotations

import copy
import sys
from typing import Any

import pytest
import torch
import torchvision
from small_runs import run_spec
from torch import Tensor, nn

from benchmarks.arguments import complete
from benchmarks.backbones import BACKBONES, WrappedNet, timm_net, torchvision_net
from benchmarks.backbones.wrapped_net import wrap
from benchmarks.build import build_model, load_stream
from benchmarks.errors import BadInput
from ness.layers import find_heads, select_layers

timm = pytest.importorskip("timm")

TINY: dict[str, Any] = {
    "img_size": 16,
    "patch_size": 4,
    "depth": 2,
    "embed_dim": 32,
    "num_heads": 2,
}
RGB = (3, 16, 16)


def labels(n: int, task: int = 0) -> Tensor:
    return torch.full((n,), task)


@pytest.mark.parametrize(
    ("model", "classifier", "features", "side"),
    [
        ("squeezenet1_1", "classifier.1", 512, 17),
        ("mobilenet_v3_small", "classifier.3", 1024, 16),
        ("resnet18", "fc", 512, 16),
        pytest.param(
            *("googlenet", "fc", 1024, 16),
            marks=pytest.mark.filterwarnings("ignore:The default weight init:FutureWarning"),
        ),
        ("regnet_y_400mf", "fc", 440, 16),
    ],
)
def test_torchvisions_models_lose_their_classifier_alone(
    model: str, classifier: str, features: int, side: int
) -> None:
    shape = (3, side, side)
    net = torchvision_net(model=model, heads=[2, 3], input_shape=shape)
    assert net.heads.in_features == features
    assert isinstance(net.trunk.get_submodule(classifier), nn.Identity)
    assert list(find_heads(net)) == ["heads"]
    assert not any("classifiers" in name for name in select_layers(net))
    assert net.training
    for training in (False, True):
        assert net.train(training)(torch.randn(4, *shape), labels(4, 1)).shape == (4, 3)
    theirs = torchvision.models.get_model(model, weights=None).eval()
    state = net.trunk.state_dict()
    kept = {key: state.get(key, value) for key, value in theirs.state_dict().items()}
    assert set(state) <= set(kept)
    theirs.load_state_dict(kept)
    theirs.get_submodule(classifier.rpartition(".")[0]).add_module(
        classifier.rpartition(".")[2], nn.Identity()
    )
    x = torch.randn(2, *shape)
    assert torch.equal(net.eval().features(x, labels(2)), theirs(x))


def test_timms_vision_transformer_loses_its_classifier_alone() -> None:
    net = timm_net(model="vit_tiny_patch16_224", model_args=TINY, heads=[2, 3], input_shape=RGB)
    assert net.heads.in_features == 32
    assert [name for name in select_layers(net) if "blocks.0" in name] == [
        f"trunk.blocks.0.{layer}" for layer in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
    ]
    theirs = timm.create_model("vit_tiny_patch16_224", num_classes=0, **TINY).eval()
    theirs.load_state_dict(net.trunk.state_dict())
    x = torch.randn(4, *RGB)
    net.eval()
    features = net.features(x, labels(4))
    torch.testing.assert_close(features, theirs(x))
    expected = net.heads.classifiers["1"](features)
    assert torch.equal(net(x, labels(4, 1)), expected)
    assert torch.equal(copy.deepcopy(net)(x, labels(4, 1)), expected)


@pytest.mark.parametrize(
    ("backbone", "model", "args", "side"),
    [
        ("timm", "vit_tiny_patch16_224", TINY, 16),
        ("torchvision", "vit_b_32", {"image_size": 32}, 32),
    ],
)
def test_attention_can_be_differentiated_twice(
    backbone: str, model: str, args: dict[str, Any], side: int
) -> None:
    shape = (3, side, side)
    net = BACKBONES[backbone](model=model, model_args=args, heads=[2], input_shape=shape)
    logits = net(torch.randn(2, *shape), labels(2))
    weights = [next(p for n, p in net.named_parameters() if "qkv" in n or "in_proj" in n)]
    (gradient,) = torch.autograd.grad(logits.square().sum(), weights, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), weights)
    assert second.isfinite().all()
    assert second.any()


def test_running_statistics_do_not_move_while_a_model_is_tried() -> None:
    net = torchvision_net(model="mobilenet_v3_small", heads=[2], input_shape=RGB)
    tracked = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert tracked
    assert all(module.num_batches_tracked == 0 for module in tracked)


def test_grey_images_through_timm() -> None:
    args = {**TINY, "img_size": 8, "in_chans": 1}
    spec = run_spec("naive", "backbone=timm", 'backbone_args={model="vit_tiny_patch16_224"}')
    assert spec.backbone_args == {
        "model": "vit_tiny_patch16_224",
        "weights": "",
        "weights_sha256": "",
        "model_args": {},
    }
    net = timm_net(model="vit_tiny_patch16_224", model_args=args, heads=[2], input_shape=(1, 8, 8))
    assert net(torch.randn(2, 1, 8, 8), labels(2)).shape == (2, 2)
    with pytest.raises(BadInput, match=r"img_size = 8 and in_chans = 1"):
        build_model(spec, load_stream(spec, None))


@pytest.mark.parametrize(
    ("backbone", "arguments", "shape", "message"),
    [
        ("torchvision", {"model": "resnet81"}, RGB, r"'resnet81' is no .*nearest: resnet18,"),
        ("timm", {"model": "vit_tny_patch16_224"}, RGB, r"nearest: vit_tiny_patch16_224,"),
        ("timm", {"model": "hf-hub:timm/resnet18"}, RGB, r"is no classification model of timm"),
        ("timm", {"model": "resnet18.a1_in1k"}, RGB, r"set model = 'resnet18', and weights = 'a1"),
        ("torchvision", {"model": "alexnet"}, (3, 32, 32), r"no samples of shape \(3, 32, 32\)"),
        ("torchvision", {"model": "resnet18"}, (1, 32, 32), r"expected input\[2, 1, 32, 32\]"),
        ("torchvision", {"model": "resnet18"}, (64,), r"no samples of shape \(64,\).*choose ano"),
        ("timm", {"model": "vit_tiny_patch16_224"}, (3, 32, 32), r"model_args\.img_size = 32"),
        ("timm", {"model": "resnet18"}, (1, 32, 32), r"in_chans = 1"),
        ("torchvision", {"model": "resnet18", "model_args": {"nf": 2}}, RGB, r"argument 'nf'"),
        ("timm", {"model": "resnet18", "model_args": {"nf": 2}}, RGB, r"built .*argument 'nf'"),
        ("torchvision", {"model": "resnet18", "model_args": {"num_classes": 2}}, RGB, "leave it"),
        ("timm", {"model": "resnet18", "model_args": {"pretrained": True}}, RGB, "leave it out"),
        ("timm", {"model": "resnet18", "model_args": {"checkpoint_path": "x"}}, RGB, "leave it"),
        ("timm", {"model": "resnet18", "model_args": {"global_pool": ""}}, RGB, "not a row of"),
    ],
)
def test_what_does_not_fit_is_named(
    backbone: str, arguments: dict[str, Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        BACKBONES[backbone](**arguments, heads=[2], input_shape=shape)
    assert "\n" not in str(caught.value)


def test_a_model_without_a_classifier_of_the_known_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    headless = nn.Sequential(nn.Flatten(), nn.Linear(12, 7))
    monkeypatch.setattr(torchvision.models, "get_model", lambda *_, **__: headless)
    with pytest.raises(ValueError, match="ends in no layer with 1000 outputs"):
        torchvision_net(model="resnet18", heads=[2], input_shape=(3, 2, 2))
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: headless)
    with pytest.raises(ValueError, match="has no classifier that heads could replace"):
        timm_net(model="resnet18", heads=[2], input_shape=(3, 2, 2))


def test_a_trunk_that_gives_no_tensor() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    with pytest.raises(ValueError, match="gives tuple for two images"):
        wrap(Pair(), [2], (3,), name="it", hint="")
    assert isinstance(wrap(nn.Flatten(), [2], (3, 2), name="it", hint=""), WrappedNet)


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match=r'pip install -e "\.\[vit\]"'):
        timm_net(model="resnet18", heads=[2], input_shape=RGB)


def test_as_a_table_of_the_spec() -> None:
    skip = frozenset({"heads", "input_shape"})
    given: dict[str, Any] = {"model": "x", "model_args": {"a": [1, 2], "b": 0.5, "c": "d"}}
    for name in ("timm", "torchvision"):
        args = complete(BACKBONES[name], given, where="backbone_args", skip=skip)
        assert args == {"weights": "", "weights_sha256": "", **given}
        again = complete(BACKBONES[name], args, where="backbone_args", skip=skip)
        assert again == args
        with pytest.raises(BadInput, match="model"):
            complete(BACKBONES[name], {}, where="backbone_args", skip=skip)
        nested = {"model": "x", "model_args": {"a": {"b": 1}}}
        with pytest.raises(BadInput, match="model_args"):
            complete(BACKBONES[name], nested, where="backbone_args", skip=skip)
