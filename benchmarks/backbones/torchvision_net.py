"""Any classification model of torchvision as a trunk, from scratch or pretrained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn
from torchvision import models

from benchmarks.backbones.pretrained import (
    check_content,
    in_one_line,
    is_path,
    read_tensors,
    sha256_of,
)
from benchmarks.backbones.wrapped_net import (
    ModelArg,
    WrappedNet,
    check_model,
    check_model_args,
    constructed,
    wrap,
)
from benchmarks.errors import nearest

CLASSES = 1000
"""Outputs of the classifier that each model is built with, and loses."""
RESERVED = ("num_classes", "weights", "weights_backbone", "pretrained", "progress")
AUXILIARY = ("aux1", "aux2", "AuxLogits")
"""Classifiers halfway (GoogLeNet, Inception), which would make the output a tuple."""
SHIFTED = ("googlenet", "inception_v3")
"""Their published weights expect images that the model itself shifts from ImageNet's mean."""


def torchvision_net(
    *,
    model: str,
    weights: str = "",
    weights_sha256: str = "",
    model_args: Mapping[str, ModelArg] = {},
    heads: Sequence[int],
    input_shape: Sequence[int],
) -> WrappedNet:
    """A model of `torchvision.models` by name, its last layer replaced by heads.

    ``weights``: none; a name as in ``IMAGENET1K_V1``, whose file must lie in torch's hub folder;
    or the path of a state dict, with ``weights_sha256``, the file's sum. Nothing is downloaded.
    Pretrained weights expect images normalised as their authors did. ``model_args``: more
    arguments of the model's constructor.

    Norm layers with running statistics stay as they are: NESS and its rivals freeze them after
    task 1, naive training does not. Layers that a model reads past (the attention of its vision
    transformers) are frozen after task 1 too, and named in a warning. Raises `ValueError`, naming
    the key and the way out.
    """
    check_model(model, models.list_models(module=models), "torchvision")
    check_model_args(model_args, RESERVED)
    name = f"torchvision's {model}"
    args: dict[str, Any] = dict(model_args)
    if model in SHIFTED and weights and not is_path(weights):
        args.setdefault("transform_input", True)
    trunk = constructed(name, lambda: models.get_model(model, weights=None, **args))
    removed = [*_drop_auxiliary(trunk), _drop_classifier(trunk, name)]
    if weights:
        state = read_tensors(_weights_file(model, weights, weights_sha256))
        _load(trunk, state, removed, name)
    elif weights_sha256:
        raise ValueError("backbone_args.weights_sha256 is of no file: set weights, or leave it out")
    hint = (
        "it takes RGB images of at least some size, a vision transformer those of "
        "backbone_args.model_args.image_size: choose another model or stream"
    )
    return wrap(trunk, heads, input_shape, name=name, hint=hint)


def _drop_auxiliary(trunk: nn.Module) -> list[str]:
    present = [name for name in AUXILIARY if hasattr(trunk, name)]
    for name in present:
        setattr(trunk, name, None)
    if present:
        trunk.aux_logits = False  # type: ignore[assignment]
    return present


def _drop_classifier(trunk: nn.Module, name: str) -> str:
    """Replace the last layer with one output a class by nothing; its name."""
    found = ""
    for layer, module in trunk.named_modules():
        outputs = getattr(module, "out_features", getattr(module, "out_channels", 0))
        if isinstance(module, nn.Linear | nn.Conv2d) and outputs == CLASSES:
            found = layer
    if not found:
        raise ValueError(
            f"{name} ends in no layer with {CLASSES} outputs that heads could replace; choose "
            f"another model"
        )
    parent, _, child = found.rpartition(".")
    setattr(trunk.get_submodule(parent), child, nn.Identity())
    return found


def _load(trunk: nn.Module, state: dict[str, Tensor], removed: Sequence[str], name: str) -> None:
    prefixes = tuple(f"{module}." for module in removed)
    kept = {key: value for key, value in state.items() if not key.startswith(prefixes)}
    try:
        trunk.load_state_dict(kept)
    except RuntimeError as error:
        raise ValueError(
            f"backbone_args.weights do not fit {name}: {in_one_line(error)}"
        ) from error


def _weights_file(model: str, weights: str, sha256: str) -> Path:
    """The file with the weights, its content checked."""
    if is_path(weights):
        path = Path(weights).expanduser()
        check_content(path, sha256)
        return path
    published = models.get_model_weights(model).__members__
    # An alias (DEFAULT) stands for other weights in another version of torchvision.
    names = [name for name, entry in published.items() if entry.name == name]
    if weights not in names:
        raise ValueError(
            f"backbone_args.weights = {weights!r} are no weights of {model}, and no path ending in "
            f".pth; {nearest(weights, names)}"
        )
    url: str = published[weights].url
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(url).path).name
    if not path.is_file():
        raise ValueError(
            f"the weights {weights} of {model} are not on this machine and nothing is downloaded: "
            f"put {path.name} into {path.parent}, from {url}"
        )
    if sha256:
        check_content(path, sha256)
    promised = path.stem.rpartition("-")[2]
    if not sha256_of(path).startswith(promised):
        raise ValueError(
            f"{path} is damaged, its sha256 does not start with {promised}: fetch it again from "
            f"{url}"
        )
    return path
