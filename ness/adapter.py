"""A low-rank update W + U V^T of a Linear or convolution layer, attached in place.

`attach` gives the very same module object a subclass of its own class, plus a parameter
``U`` and a basis ``V``; its ``weight`` keeps name, object and value. `LowRankUpdate.merge`
folds the update into the weight and gives the module its own class back, so that between
tasks nothing distinguishes it, or its ``state_dict``, from the user's. (A patched ``forward``
on the instance would break `copy.deepcopy`; a wrapper or a parametrisation would rename
``weight``, which optimisers and other plugins know by name.)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ness.moments import ConvNd, Layer, weight_columns, weight_matrix

Form = Literal["auto", "fold", "factored"]


def check_form(form: str) -> None:
    """Raise `ValueError` for a form that does not exist."""
    if form not in get_args(Form):
        raise ValueError(f"form = {form!r} is unknown; choose one of {', '.join(get_args(Form))}")


def is_adaptable(module: nn.Module) -> bool:
    """Whether a module computes as `nn.Linear` or `nn.Conv1d/2d/3d` does, adapted or not.

    A subclass with a ``forward`` of its own computes something else and is left alone; so is a
    layer whose weight is computed (weight norm, pruning), which a merge could not change.
    """
    if "weight" not in module._parameters:
        return False
    return isinstance(module, LowRankUpdate) or any(
        isinstance(module, kind) and type(module).forward is kind.forward
        for kind in (nn.Linear, *ConvNd)
    )


class LowRankUpdate(nn.Module):
    """Mixin of an adapted layer: its weight acts as W + scale * U V^T.

    ``U`` (out, r), trained from zero. ``V`` (d, r), or (groups, d, r) for a grouped
    convolution: a buffer (NESS, fixed), or a parameter (LoRA, trained). The forms give the
    same outputs and gradients and differ in cost alone:

    - ``fold``: op(x, W + U V^T), one operation, the composition paid once a step;
    - ``factored``: op(x, W) + U op(x, V^T), the composition never formed;
    - ``auto``: whichever needs fewer multiplications for the input at hand.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    U: nn.Parameter
    V: Tensor
    update_form: Form
    update_scale: float

    @classmethod
    def untrained(cls, layer: Layer, V: Tensor) -> Tensor:
        """The value that U starts from: zeros, so that the layer's outputs do not change."""
        return layer.weight.new_zeros(layer.weight.shape[0], V.shape[-1])

    def delta(self, dtype: torch.dtype | None = None) -> Tensor:
        """The update scale * U V^T, shaped like ``weight``, computed in ``dtype`` if given."""
        U = weight_matrix(self, self.U).to(dtype or self.U.dtype)
        product = U @ self.V.to(U.dtype).mT
        return (self.update_scale * product).reshape(self.weight.shape)

    def forward(self, input: Tensor) -> Tensor:
        form = self.update_form
        if form == "auto":
            form = _cheaper_form(self, input)
        return self._folded(input) if form == "fold" else self._factored(input)

    def _folded(self, x: Tensor) -> Tensor:
        # Outside autocast, so that the sum is rounded once, as the weight of any layer is.
        with torch.autocast(x.device.type, enabled=False):
            weight = self.weight + self.delta()
        return _apply(self, x, weight, self.bias)

    def _factored(self, x: Tensor) -> Tensor:
        base = _apply(self, x, self.weight, self.bias)
        if isinstance(self, nn.Linear):
            return base + self.update_scale * F.linear(F.linear(x, self.V.mT), self.U)
        assert isinstance(self, ConvNd)
        spatial = len(self.kernel_size)
        filters = self.V.mT.reshape(-1, *self.weight.shape[1:])
        pointwise = self.U.reshape(*self.U.shape, *(1 for _ in range(spatial)))
        mix = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[spatial]
        hidden = _apply(self, x, filters, None)
        return base + self.update_scale * mix(hidden, pointwise, groups=self.groups)

    @torch.no_grad()
    def merge(self) -> None:
        """W <- W + scale * U V^T (summed in float64), and the layer is its own class again."""
        merged = self.weight.double() + self.delta(torch.float64)
        self.weight.copy_(merged.to(self.weight.dtype))
        self.detach_update()

    def detach_update(self) -> None:
        """Drop U and V, whatever they hold; the layer is its own class again."""
        del self.U, self.V, self.update_form, self.update_scale
        for key, hook in list(self._forward_pre_hooks.items()):
            if hook is _no_fast_path:
                del self._forward_pre_hooks[key]
        self.__class__ = type(self).__bases__[1]

    def __reduce_ex__(self, protocol: Any) -> Any:
        # The class is made on the fly, so pickle and deepcopy rebuild it from the user's own.
        return _blank, type(self).__bases__, self.__dict__


def attach(
    layer: Layer,
    V: Tensor,
    *,
    form: Form = "auto",
    trainable_basis: bool = False,
    scale: float = 1.0,
    update: type[LowRankUpdate] = LowRankUpdate,
) -> LowRankUpdate:
    """Attach an update U V^T with U = 0 to a layer in place; the layer's outputs do not change.

    ``update``: a subclass makes another update of U and V.

    ``V``: (d, r), or (groups, d, r) for a grouped convolution, r >= 1, d inputs per output.
    The weight and bias keep their ``requires_grad``: freezing them is the caller's decision.

    Raises `ValueError` for a layer of another kind, one already adapted, or a V that does
    not fit.
    """
    check_form(form)
    if isinstance(layer, LowRankUpdate):
        raise ValueError("the layer already carries a low-rank update; merge it first")
    if not is_adaptable(layer):
        raise ValueError(f"{type(layer).__name__} is no Linear or Conv1d/2d/3d layer")
    groups = (layer.groups,) if getattr(layer, "groups", 1) > 1 else ()
    if V.shape[:-1] != (*groups, weight_columns(layer)) or V.shape[-1] < 1:
        raise ValueError(
            f"V has shape {tuple(V.shape)}, the layer needs {(*groups, weight_columns(layer), 'r')}"
        )
    weight = layer.weight
    V = V.detach().to(weight.device, weight.dtype).contiguous()
    layer.U = nn.Parameter(update.untrained(layer, V))
    if trainable_basis:
        layer.V = nn.Parameter(V)
    else:
        layer.register_buffer("V", V)
    layer.update_form = form  # type: ignore[assignment]
    layer.update_scale = scale  # type: ignore[assignment]
    layer.register_forward_pre_hook(_no_fast_path)
    kinds: tuple[Any, Any] = update, type(layer)
    module: Any = layer
    module.__class__ = _adapted_class(*kinds)
    adapted: LowRankUpdate = module
    return adapted


def adapted_layers(layers: Mapping[str, nn.Module]) -> dict[str, LowRankUpdate]:
    """Those of the layers that carry an update now."""
    return {name: layer for name, layer in layers.items() if isinstance(layer, LowRankUpdate)}


def _no_fast_path(*_: Any) -> None:
    """A hook that does nothing: with one, torch's transformer layers call their Linear layers.

    Without, in eval mode, they read the weights and would not see the update.
    """


@cache
def _adapted_class(update: Any, kind: Any) -> type[LowRankUpdate]:
    return type(f"{update.__name__}{kind.__name__}", (update, kind), {"__module__": __name__})


def _blank(update: Any, kind: Any) -> nn.Module:
    adapted = _adapted_class(update, kind)
    return adapted.__new__(adapted)


def _apply(layer: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, bias)
    result: Tensor = layer._conv_forward(x, weight, bias)
    return result


def _cheaper_form(layer: Any, x: Tensor) -> Form:
    """Compare what each form adds to the layer's own work, in multiplications of one step.

    fold: compose U V^T and differentiate it (out * d * r each) plus the gradient of the
    composed weight (n * out * d). factored: two products forward and their three gradients,
    n * r * (2 d + 3 out). n = rows that the layer multiplies, all groups together.
    """
    out, d, r = layer.weight.shape[0], weight_columns(layer), layer.U.shape[1]
    if isinstance(layer, nn.Linear):
        n, groups = x.numel() // d, 1
    else:
        spatial = len(layer.kernel_size)
        n, groups = (x.shape[0] if x.dim() == spatial + 2 else 1), layer.groups
        for size, stride in zip(x.shape[-spatial:], layer.stride, strict=True):
            n *= max(1, size // stride)
    fold = 2 * out * d * r + n * out * d
    factored = n * r * (2 * d * groups + 3 * out)
    return "fold" if fold <= factored else "factored"
