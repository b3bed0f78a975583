"""Pretrained weights: from files on this machine alone, whose content the spec names."""

from __future__ import annotations

import hashlib
import pickle
import socket
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from benchmarks.backbones import timm_net, torchvision_net
from benchmarks.backbones.pretrained import is_path, read_tensors

timm = pytest.importorskip("timm")
safetensors = pytest.importorskip("safetensors.torch")
constants = pytest.importorskip("huggingface_hub").constants

SHAPE = (3, 16, 16)
VIT = "vit_tiny_patch16_224"
TAG = "augreg_in21k_ft_in1k"
TINY: dict[str, Any] = {
    "img_size": 16,
    "patch_size": 4,
    "depth": 1,
    "embed_dim": 16,
    "num_heads": 2,
}


@pytest.fixture(autouse=True)
def no_network_and_empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mobilenet(**kwargs: Any) -> nn.Module:
    net: nn.Module = torchvision.models.get_model("mobilenet_v3_small", weights=None, **kwargs)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net


def vit(**kwargs: Any) -> nn.Module:
    net: nn.Module = timm.create_model(VIT, **{**TINY, **kwargs})
    return net


def build_torchvision(**kwargs: Any) -> dict[str, torch.Tensor]:
    net = torchvision_net(model="mobilenet_v3_small", heads=[2], input_shape=SHAPE, **kwargs)
    return net.trunk.state_dict()


def build_timm(**kwargs: Any) -> dict[str, torch.Tensor]:
    kwargs = {"model_args": TINY, "input_shape": SHAPE, **kwargs}
    net = timm_net(model=VIT, heads=[2], **kwargs)
    assert not net.trunk.pretrained_cfg.get("state_dict")
    return net.trunk.state_dict()


def assert_loaded(
    loaded: dict[str, torch.Tensor], source: nn.Module, head: str | tuple[str, ...]
) -> None:
    expected = {k: v for k, v in source.state_dict().items() if not k.startswith(head)}
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


CASES = [
    pytest.param(mobilenet, build_torchvision, "classifier.3.", id="torchvision"),
    pytest.param(vit, build_timm, "head.", id="timm"),
]
Make = Callable[..., nn.Module]
Build = Callable[..., dict[str, torch.Tensor]]


@pytest.mark.parametrize(("make", "build", "head"), CASES)
@pytest.mark.parametrize("classes", [1000, 7])
@pytest.mark.parametrize("form", ["plain", "wrapped", "safetensors"])
def test_a_file_is_loaded_whole(
    tmp_path: Path, make: Make, build: Build, head: str, classes: int, form: str
) -> None:
    """Whatever the number of classes of its own head, which is dropped."""
    source = make(num_classes=classes)
    path = tmp_path / "own.pth"
    if form == "safetensors":
        path = path.with_suffix(".safetensors")
        safetensors.save_file(source.state_dict(), path)
    else:
        content = source.state_dict()
        torch.save(content if form == "plain" else {"model": content, "epoch": 3}, path)
    assert_loaded(build(weights=str(path), weights_sha256=sum_of(path)), source, head)


@pytest.mark.parametrize(("make", "build", "head"), CASES)
def test_a_file_must_be_named_by_its_content(
    tmp_path: Path, make: Make, build: Build, head: str
) -> None:
    path = tmp_path / "own.pth"
    torch.save(make().state_dict(), path)
    with pytest.raises(ValueError, match=f"set backbone_args.weights_sha256 = '{sum_of(path)}'"):
        build(weights=str(path))
    with pytest.raises(ValueError, match=rf"{sum_of(path)}, backbone_args\.weights_sha256 is 'ab'"):
        build(weights=str(path), weights_sha256="ab")
    with pytest.raises(ValueError, match=r"nowhere\.pth cannot be read \(No such file"):
        build(weights=str(tmp_path / "nowhere.pth"), weights_sha256=sum_of(path))
    with pytest.raises(ValueError, match="weights_sha256 is of no file"):
        build(weights_sha256=sum_of(path))


@pytest.mark.parametrize(("make", "build", "head"), CASES)
def test_a_file_that_lacks_a_tensor_or_has_another_is_refused(
    tmp_path: Path, make: Make, build: Build, head: str
) -> None:
    whole = make().state_dict()
    last = [name for name in whole if not name.startswith(head)][-1]
    wide = {**whole, last: torch.zeros(3)}
    for faulty in ({k: v for k, v in whole.items() if k != last}, {**whole, "extra": whole[last]}):
        path = tmp_path / "own.pth"
        torch.save(faulty, path)
        with pytest.raises(ValueError, match=rf"weights.*({last}|extra)|({last}|extra).*weights"):
            build(weights=str(path), weights_sha256=sum_of(path))
    torch.save(wide, path)
    with pytest.raises(ValueError, match="size mismatch"):
        build(weights=str(path), weights_sha256=sum_of(path))


class Harmful:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "own.pth", tmp_path / "ran"
    torch.save({"weight": Harmful(mark)}, path)
    with pytest.raises(ValueError, match="no tensors that can be read safely"):
        read_tensors(path)
    path.write_bytes(pickle.dumps(Harmful(mark), protocol=2))
    with pytest.raises(ValueError, match="no tensors that can be read safely"):
        read_tensors(path)
    assert not mark.exists()


def test_files_that_hold_no_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    for content, message in (
        ({}, "holds no state dict"),
        ([torch.zeros(1)], "holds no state dict"),
        ({"weight": torch.zeros(1), "epoch": 3}, "holds int 'epoch' among its tensors"),
    ):
        torch.save(content, path)
        with pytest.raises(ValueError, match=message):
            read_tensors(path)
    for damaged in (path, path.with_suffix(".safetensors")):
        damaged.write_bytes(b"damaged")
        with pytest.raises(ValueError, match="no tensors that can be read safely"):
            read_tensors(damaged)


def test_published_weights_of_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    source = mobilenet()
    torch.save(source.state_dict(), folder / "any")
    name = f"mobilenet-{sum_of(folder / 'any')[:8]}.pth"

    class Published(Enum):
        V1 = SimpleNamespace(url=f"https://example.org/{name}")
        DEFAULT = V1
        url = property(lambda self: self.value.url)

    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda _: Published)
    with pytest.raises(ValueError, match=rf"put {name} into {folder}, from https://example.org/"):
        build_torchvision(weights="V1")
    path = (folder / "any").rename(folder / name)
    assert_loaded(build_torchvision(weights="V1"), source, "classifier.3.")
    assert_loaded(
        build_torchvision(weights="V1", weights_sha256=sum_of(path)), source, "classifier.3."
    )
    with pytest.raises(ValueError, match="restore the file"):
        build_torchvision(weights="V1", weights_sha256="ab")
    for unknown in ("V2", "DEFAULT"):
        with pytest.raises(ValueError, match=f"'{unknown}' are no weights of mobilenet_v3_small"):
            build_torchvision(weights=unknown)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"is damaged.*fetch it again from https://example\.org/"):
        build_torchvision(weights="V1")


def test_weights_that_torchvision_publishes_are_named_in_full() -> None:
    with pytest.raises(ValueError, match=r"resnet18-f37072fd\.pth into .*checkpoints, from https:"):
        torchvision_net(model="resnet18", weights="IMAGENET1K_V1", heads=[2], input_shape=SHAPE)


def test_published_weights_of_timm(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"not in {tmp_path}/hub .*put the folder of timm/{VIT}"):
        build_timm(weights=TAG)
    revision = "0" * 40
    folder = tmp_path / "hub" / f"models--timm--{VIT}.{TAG}"
    (folder / "snapshots" / revision).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(revision)
    path = folder / "snapshots" / revision / "model.safetensors"
    source = vit()
    safetensors.save_file(source.state_dict(), path)
    with pytest.raises(ValueError, match=f"set backbone_args.weights_sha256 = '{sum_of(path)}'"):
        build_timm(weights=TAG)
    assert_loaded(build_timm(weights=TAG, weights_sha256=sum_of(path)), source, "head.")
    with pytest.raises(ValueError, match=rf"'augreg_in1k' are no weights of {VIT}.*did you mean"):
        build_timm(weights="augreg_in1k")
    with pytest.raises(ValueError, match=r"gcvit_base at https://github\.com.* alone: put the"):
        timm_net(model="gcvit_base", weights="in1k", heads=[2], input_shape=SHAPE)
    smaller = {**TINY, "img_size": 8, "in_chans": 1}
    fitted = build_timm(
        weights=TAG, weights_sha256=sum_of(path), model_args=smaller, input_shape=(1, 8, 8)
    )
    assert fitted["pos_embed"].shape == (1, 5, 16)
    weight = source.state_dict()["patch_embed.proj.weight"]
    torch.testing.assert_close(fitted["patch_embed.proj.weight"], weight.sum(1, keepdim=True))


def test_googlenets_weights_expect_shifted_images() -> None:
    """Its published weights do; weights of one's own say so themselves."""
    calls: list[dict[str, Any]] = []

    def record(*_: Any, **kwargs: Any) -> nn.Module:
        calls.append(kwargs)
        return nn.Linear(2, 1000)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision.models, "get_model", record)
        for weights in ("", "own.pth", "IMAGENET1K_V1"):
            with pytest.raises(ValueError, match=r"googlenet|own\.pth"):
                torchvision_net(
                    model="googlenet", weights=weights, heads=[2], input_shape=(3, 8, 8)
                )
    assert [call.get("transform_input") for call in calls] == [None, None, True]


def test_auxiliary_classifiers_in_a_file_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    source = torchvision.models.get_model("googlenet", weights=None, init_weights=False)
    torch.save(source.state_dict(), path)
    net = torchvision_net(
        model="googlenet",
        weights=str(path),
        weights_sha256=sum_of(path),
        model_args={"init_weights": False},
        heads=[2],
        input_shape=SHAPE,
    )
    assert_loaded(net.trunk.state_dict(), source, ("aux1.", "aux2.", "fc."))
    logits = net(torch.randn(4, *SHAPE), torch.zeros(4, dtype=torch.int64))  # in training mode
    assert logits.shape == (4, 2)


def test_what_is_a_path() -> None:
    assert all(is_path(weights) for weights in ("a.pth", "a/b", "~/x.safetensors", "x.bin", "y.pt"))
    assert not any(is_path(weights) for weights in ("IMAGENET1K_V1", "augreg_in21k_ft_in1k"))
