"""Streaming second moments of the inputs of Linear and convolution layers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ness.rows import Layer, batched, input_rows, sampled_rows, second_moment, weight_columns

Statistic = Literal["second_moment", "batch_mean"]


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

    ``patch_share``: of each batch's windows that a convolution multiplies, the share that is
    measured, drawn anew for every batch (the same draws with the same ``seed``), the sum scaled
    to all of them. 1 measures all.

    ``M[name]`` has shape (d, d), or (groups, d, d) for a grouped convolution.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        *,
        statistic: Statistic = "second_moment",
        patch_share: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.layers = dict(layers)
        self.statistic, self.patch_share = statistic, patch_share
        self.M: dict[str, Tensor] = {}
        self._generator = torch.Generator().manual_seed(seed)
        self._waiting: dict[str, list[Tensor]] = {}
        self._drawn: dict[str, int] = {}
        _warn_of_wide(self.layers)

    def collect(
        self, model: nn.Module, batches: Iterable[Any], forward: Callable[[Any], Any]
    ) -> None:
        """Add the inputs of one pass of ``forward`` over ``batches``, in eval mode.

        Training modes are restored and hooks removed, also on an error.
        """
        device_type = next(iter(self.layers.values())).weight.device.type if self.layers else "cpu"
        outside_autocast = torch.autocast(device_type, enabled=False)
        self._waiting.clear()  # of a pass that failed
        with eval_mode(model), self._watching(), torch.no_grad(), outside_autocast, _slow_path():
            for batch in batches:
                forward(batch)
            for name in list(self._waiting):
                self._sum_waiting(name)
        self._warn_of_few()

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
                x = batched(layer, x)
            x = x.to(_exact(x)).mean(0, keepdim=True)
        x = x.to(_exact(x))
        if isinstance(layer, nn.Linear):
            self._wait(name, input_rows(layer, x))
        elif self.patch_share < 1:
            rows = sampled_rows(layer, x, self.patch_share, self._generator)
            self._drawn[name] = self._drawn.get(name, 0) + rows.shape[-2]
            self._sum(name, rows.mT @ rows)
        else:
            self._sum(name, second_moment(layer, x))

    def _wait(self, name: str, rows: Tensor) -> None:
        """Put a Linear's rows aside until they are d: a sum over (d, d) a batch costs more."""
        waiting = self._waiting.setdefault(name, [])
        waiting.append(rows.clone())  # what comes after the layer may work in place
        if sum(map(len, waiting)) >= rows.shape[-1]:
            self._sum_waiting(name)

    def _sum_waiting(self, name: str) -> None:
        rows = torch.cat(self._waiting.pop(name))
        self._sum(name, rows.mT @ rows)

    def _warn_of_few(self) -> None:
        for name, n in self._drawn.items():
            if n < (d := weight_columns(self.layers[name])):
                warnings.warn(
                    f"layer {name!r}: patch_share = {self.patch_share} measures {n} windows of {d} "
                    f"inputs, so that directions look unused which are not; raise it",
                    stacklevel=3,
                )

    def _sum(self, name: str, product: Tensor) -> None:
        if name in self.M:
            self.M[name] += product
        else:
            self.M[name] = product.double()


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


def _exact(x: Tensor) -> torch.dtype:
    """float32, or float64 where products of float32 may be cut to TF32 or bfloat16."""
    if x.dtype == torch.float64:
        return torch.float64
    try:
        exact = torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # torch refuses to answer once its older and newer switches are mixed
        exact = False
    return torch.float32 if exact else torch.float64
