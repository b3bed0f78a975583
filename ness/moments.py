"""Streaming second moments of the inputs of Linear and convolution layers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ness.conv_moments import pays, window_moments

ConvNd = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
Statistic = Literal["second_moment", "batch_mean"]


def input_rows(layer: Layer, x: Tensor) -> Tensor:
    """The inputs that a layer multiplies with its weight, one row a product: (..., n, d).

    A Linear's input of any rank is flattened to (n, in_features). A convolution's is
    unfolded after its own padding: (n, d) with d = in_channels * prod(kernel_size) and the
    columns in the order of ``weight.flatten(1)``; (groups, n, d) if it is grouped.
    """
    if isinstance(layer, nn.Linear):
        return x.reshape(-1, layer.in_features)
    spatial = len(layer.kernel_size)
    x = _pad(layer, _batched(layer, x))
    for axis, (kernel, stride, dilation) in enumerate(
        zip(layer.kernel_size, layer.stride, layer.dilation, strict=True), start=2
    ):
        x = x.unfold(axis, dilation * (kernel - 1) + 1, stride)[..., ::dilation]
    x = x.unflatten(1, (layer.groups, -1))  # (batch, groups, channels, *positions, *kernel)
    positions = range(3, 3 + spatial)
    x = x.permute(1, 0, *positions, 2, *range(3 + spatial, x.dim()))
    rows = x.reshape(layer.groups, -1, weight_columns(layer))
    return rows if layer.groups > 1 else rows[0]


def second_moment(layer: Layer, x: Tensor) -> Tensor:
    """X^T X of the rows X that a layer multiplies (`input_rows`): (d, d), or (groups, d, d)."""
    if isinstance(layer, nn.Conv2d) and layer.groups == layer.stride[0] * layer.stride[1] == 1:
        padded = _pad(layer, _batched(layer, x))
        _, channels, height, width = padded.shape
        kernel = (layer.kernel_size[0], layer.kernel_size[1])
        if layer.dilation == (1, 1) and pays(channels, (height, width), kernel):
            return window_moments(padded, kernel)
    rows = input_rows(layer, x)
    return rows.mT @ rows


def weight_columns(layer: Layer) -> int:
    """d: how many inputs one output of the layer sees."""
    return layer.weight.shape[1:].numel()


def weight_matrix(layer: nn.Module, weight: Tensor) -> Tensor:
    """A weight (or its update) as W with outputs = rows @ W^T: (out, d) or (groups, out/g, d)."""
    matrix = weight.flatten(1)
    groups = getattr(layer, "groups", 1)
    return matrix.unflatten(0, (groups, -1)) if groups > 1 else matrix


def batch_slices(n: int, size: int) -> list[slice]:
    """Cut n samples into batches of ``size``; a last batch of one joins the batch before.

    BatchNorm raises an error for a batch of one.
    """
    bounds = [*range(0, n, size), n]
    if size > 1 and len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        del bounds[-2]
    return [slice(a, b) for a, b in pairwise(bounds)]


WIDE = 10_000
"""Inputs of a layer from which on a decomposition takes many minutes: its cost grows as d^3."""


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode inside; afterwards every module has the mode it had."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _slow_path() -> Iterator[None]:
    """Keep torch's transformer layers from fusing their Linear layers or nesting their inputs."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class InputMoments:
    """Uncentred second moments M = X^T X of the inputs of several layers, in float64.

    ``layers``: name -> Linear, Conv1d, Conv2d or Conv3d. All are measured in one pass, a
    layer that is called twice in it counts twice, one that is never called gets no entry.
    Products of a batch are taken in at least float32 and outside autocast, and summed in
    float64. A sum and not a mean, so that moments of several tasks add.

    ``statistic``: ``"second_moment"`` sums x x^T over all rows; ``"batch_mean"`` averages
    the layer's input over the batch first, as the code of Adam-NSCL does.

    ``M[name]`` has shape (d, d), or (groups, d, d) for a grouped convolution.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        *,
        statistic: Statistic = "second_moment",
    ) -> None:
        self.layers = dict(layers)
        self.statistic = statistic
        self.M: dict[str, Tensor] = {}
        _warn_of_wide(self.layers)

    def collect(
        self, model: nn.Module, batches: Iterable[Any], forward: Callable[[Any], Any]
    ) -> None:
        """Add the inputs of one pass of ``forward`` over ``batches``, in eval mode.

        Training modes are restored and hooks removed, also on an error.
        """
        device_type = next(iter(self.layers.values())).weight.device.type if self.layers else "cpu"
        outside_autocast = torch.autocast(device_type, enabled=False)
        with eval_mode(model), self._watching(), torch.no_grad(), outside_autocast, _slow_path():
            for batch in batches:
                forward(batch)

    @contextmanager
    def _watching(self) -> Iterator[None]:
        def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
            return lambda _, args, kwargs: self._add(name, args[0] if args else kwargs["input"])

        handles = [
            layer.register_forward_pre_hook(watch(name), with_kwargs=True)
            for name, layer in self.layers.items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _add(self, name: str, x: Tensor) -> None:
        layer = self.layers[name]
        x = x.detach()
        if self.statistic == "batch_mean":
            if not isinstance(layer, nn.Linear):
                x = _batched(layer, x)
            x = x.to(_exact(x)).mean(0, keepdim=True)
        product = second_moment(layer, x.to(_exact(x))).double()
        if name in self.M:
            self.M[name] += product
        else:
            self.M[name] = product


def _warn_of_wide(layers: Mapping[str, Layer]) -> None:
    for name, layer in layers.items():
        if (d := weight_columns(layer)) >= WIDE:
            warnings.warn(
                f"layer {name!r} has {d:,} inputs: its moments take {8 * d**2 / 2**30:.1f} GiB, "
                f"and decomposing them may take hours; leave it out with exclude={name!r}",
                stacklevel=2,
            )


def add_moments(total: dict[str, Tensor], new: Mapping[str, Tensor]) -> None:
    """Add the moments of one more task in place."""
    for name, M in new.items():
        total[name] = total[name].to(M.device) + M if name in total else M


def check_moments(M: Mapping[str, Tensor], layers: Mapping[str, Layer]) -> None:
    """Raise `ValueError` naming a layer whose inputs are not those that M recorded."""
    for name, layer in layers.items():
        if name in M and M[name].shape[-1] != weight_columns(layer):
            raise ValueError(
                f"layer {name!r} has inputs of dimension {weight_columns(layer)}, earlier tasks "
                f"recorded {M[name].shape[-1]}: load the state of this model, and exclude layers "
                f"that grow"
            )


def _batched(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor) -> Tensor:
    return x if x.dim() == len(layer.kernel_size) + 2 else x.unsqueeze(0)


def _pad(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor) -> Tensor:
    if layer.padding == "valid":
        return x
    pads: list[int] = []
    for axis in reversed(range(len(layer.kernel_size))):
        if layer.padding == "same":
            both = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
            pads += [both // 2, both - both // 2]
        else:
            pads += [int(layer.padding[axis])] * 2
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return F.pad(x, pads, mode=mode) if any(pads) else x


def _exact(x: Tensor) -> torch.dtype:
    """float32, or float64 where products of float32 may be cut to TF32 or bfloat16."""
    if x.dtype == torch.float64:
        return torch.float64
    try:
        exact = torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # torch refuses to answer once its older and newer switches are mixed
        exact = False
    return torch.float32 if exact else torch.float64
