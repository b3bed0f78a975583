"""Any model of timm as a trunk, from scratch or pretrained: vision transformers among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.backbones.pretrained import check_content, is_path, read_tensors
from benchmarks.backbones.wrapped_net import (
    ModelArg,
    WrappedNet,
    check_model,
    check_model_args,
    constructed,
    wrap,
)
from benchmarks.errors import nearest

RESERVED = (
    *("num_classes", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay"),
    *("pretrained_strict", "pretrained_model_args", "checkpoint_path", "cache_dir"),
    *("features_only", "scriptable", "exportable", "no_jit"),
)
FILES = ("model.safetensors", "pytorch_model.bin")
"""Under which timm's repositories on the Hugging Face hub keep weights, best first."""


def timm_net(
    *,
    model: str,
    weights: str = "",
    weights_sha256: str = "",
    model_args: Mapping[str, ModelArg] = {},
    heads: Sequence[int],
    input_shape: Sequence[int],
) -> WrappedNet:
    """A model of timm by name, its classifier replaced by heads; needs the extra ``vit``.

    ``weights``: none; a tag of the model's as in ``augreg_in21k_ft_in1k``, whose file must lie in
    the Hugging Face cache; or the path of a state dict. Either with ``weights_sha256``, the
    file's sum. Nothing is downloaded. Pretrained weights expect images normalised as their
    authors did; timm fits them to another ``img_size`` or ``in_chans``. ``model_args``: more
    arguments of the model's constructor, such as ``img_size``, ``in_chans`` and ``patch_size``.

    Norm layers with running statistics stay as they are: NESS and its rivals freeze them after
    task 1, naive training does not. Layers that a model reads past (the qkv of BEiT, EVA and Swin
    v2) are frozen after task 1 too, and named in a warning. Raises `ValueError`, naming the key
    and the way out.
    """
    try:
        import timm
    except ImportError:
        raise ValueError('timm is not installed: pip install -e ".[vit]"') from None
    architecture, dot, tag = model.partition(".")
    if dot and timm.is_model(architecture):
        raise ValueError(
            f"backbone_args.model = {model!r} has a tag: set model = {architecture!r}, and weights "
            f"= {tag!r} for its pretrained weights"
        )
    check_model(model, timm.list_models(), "timm")
    check_model_args(model_args, RESERVED)
    name = f"timm's {model}"
    args: dict[str, Any] = dict(model_args)
    if weights:
        args |= _pretrained(model, weights, weights_sha256)
    elif weights_sha256:
        raise ValueError("backbone_args.weights_sha256 is of no file: set weights, or leave it out")
    trunk: Any = constructed(name, lambda: timm.create_model(model, **args))
    # timm keeps the tensors that it was given: every copy of the net would copy them.
    getattr(trunk, "pretrained_cfg", {}).pop("state_dict", None)
    if not hasattr(trunk, "reset_classifier"):
        raise ValueError(f"{name} has no classifier that heads could replace; choose another model")
    trunk.reset_classifier(0)
    hint = (
        f"set backbone_args.model_args.img_size = {input_shape[-1]} and in_chans = "
        f"{input_shape[0]} if the model has them, or choose another model or stream"
    )
    return wrap(trunk, heads, input_shape, name=name, hint=hint)


def _pretrained(model: str, weights: str, sha256: str) -> dict[str, Any]:
    """Arguments with which timm loads a file's tensors, all of them or none."""
    from timm.models import get_pretrained_cfg

    if not is_path(weights):
        path = _cached(model, weights)
        check_content(path, sha256)
        overlay: dict[str, Any] = {"state_dict": read_tensors(path)}
        return {"pretrained": True, "pretrained_cfg": weights, "pretrained_cfg_overlay": overlay}
    path = Path(weights).expanduser()
    check_content(path, sha256)
    state = read_tensors(path)
    # With another number of classes than it expects timm loads what fits and says nothing.
    classifier = getattr(get_pretrained_cfg(model), "classifier", None) or "head"
    layer = classifier if isinstance(classifier, str) else classifier[0]
    head = state.get(f"{layer}.weight")
    classes = 0 if head is None else len(head)
    overlay = {"state_dict": state, "num_classes": classes, "label_offset": 0}
    return {"pretrained": True, "num_classes": classes, "pretrained_cfg_overlay": overlay}


def _cached(model: str, tag: str) -> Path:
    """The file of a model's published weights in the Hugging Face cache."""
    from huggingface_hub import constants, try_to_load_from_cache
    from timm.models import get_pretrained_cfg, list_pretrained

    tags = [name.partition(".")[2] for name in list_pretrained(f"{model}.*")]
    if tag not in tags:
        raise ValueError(
            f"backbone_args.weights = {tag!r} are no weights of {model}, and no path ending in "
            f".pth or .safetensors; {nearest(tag, tags)}"
        )
    published = get_pretrained_cfg(f"{model}.{tag}")
    if not published.hf_hub_id:
        raise ValueError(
            f"timm keeps the weights {tag} of {model} at {published.url} alone: put the file on "
            f"this machine and set backbone_args.weights to its path"
        )
    for file in FILES:
        found = try_to_load_from_cache(published.hf_hub_id, file, cache_dir=constants.HF_HUB_CACHE)
        if isinstance(found, str):
            return Path(found)
    raise ValueError(
        f"the weights {tag} of {model} are not in {constants.HF_HUB_CACHE} and nothing is "
        f"downloaded: put the folder of {published.hf_hub_id} there, or {FILES[0]} from "
        f"https://huggingface.co/{published.hf_hub_id} anywhere and set backbone_args.weights to "
        f"its path"
    )
