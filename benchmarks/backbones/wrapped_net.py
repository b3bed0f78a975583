"""A model of another library, without its classifier, under heads of ours."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.backbones.heads import MultiHeadNet, TaskHeads
from benchmarks.backbones.pretrained import in_one_line
from ness.moments import eval_mode

Plain = bool | int | float | str
ModelArg = Plain | Sequence[Plain]
"""An extra argument of a library's constructor, as a spec can write it."""


class WrappedNet(MultiHeadNet):
    """``trunk``, a module that turns images into features, under one head a task or one for all."""

    def __init__(self, trunk: nn.Module, in_features: int, heads: Sequence[int]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = TaskHeads(in_features, heads)

    def features(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """Images (n, channels, h, w) to features (n, d).

        Attention is computed step by step: fused kernels have no second derivative (which FS-DGPM
        takes), and on a GPU some give other gradients from run to run.
        """
        with sdpa_kernel(SDPBackend.MATH):
            features: Tensor = self.trunk(x)
        return features


def wrap(
    trunk: nn.Module, heads: Sequence[int], input_shape: Sequence[int], *, name: str, hint: str
) -> WrappedNet:
    """A trunk under heads, tried on two images of zeros to learn how many features it gives.

    ``name``, ``hint``: of the model and of the way out, for messages. Raises `ValueError` if it
    takes no samples of this shape, or gives no row of features for each.
    """
    shape = tuple(input_shape)
    try:
        with eval_mode(trunk), torch.no_grad():
            features = trunk(torch.zeros(2, *shape))
    except Exception as error:  # each architecture fails in its own way
        raise ValueError(
            f"{name} takes no samples of shape {shape} ({in_one_line(error)}); {hint}"
        ) from error
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != 2:
        kind = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(
            f"{name} without its classifier gives {kind} for two images, not a row of features "
            f"for each; choose another model"
        )
    return WrappedNet(trunk, features.shape[1], heads)


def constructed(name: str, make: Callable[[], nn.Module]) -> nn.Module:
    """What a library's constructor makes of ``model_args`` and weights; else a `ValueError`."""
    try:
        return make()
    except Exception as error:  # each architecture checks its arguments in its own way
        raise ValueError(
            f"{name} cannot be built ({in_one_line(error)}); check backbone_args.model_args and "
            f"weights"
        ) from error


def check_model(model: str, known: Iterable[str], library: str) -> None:
    """Raise `ValueError` for a model that a library does not have, naming the nearest."""
    names = list(known)
    if model not in names:
        close = difflib.get_close_matches(model, names, n=3, cutoff=0)
        raise ValueError(
            f"backbone_args.model = {model!r} is no classification model of {library}; nearest: "
            f"{', '.join(close)}"
        )


def check_model_args(args: Mapping[str, ModelArg], reserved: Iterable[str]) -> None:
    """Raise `ValueError` for an argument that would load weights, or that the harness sets."""
    for key in sorted(set(args) & set(reserved)):
        raise ValueError(
            f"backbone_args.model_args.{key} is set by the harness, from backbone_args.weights "
            f"and the heads of the stream: leave it out"
        )
