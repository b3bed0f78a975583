"""A low-rank update W + U V^T of a Linear or convolution layer: a parameter U beside a basis V."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ness.attached import Attached, attach_as, require_free
from ness.rows import ConvNd, Layer, weight_columns, weight_matrix

Form = Literal["auto", "fold", "factored"]


def check_form(form: str) -> None:
    """Raise `ValueError` for a form that does not exist."""
    if form not in get_args(Form):
        raise ValueError(f"form = {form!r} is unknown; choose one of {', '.join(get_args(Form))}")


class LowRankUpdate(Attached):
    """Mixin of an adapted layer: its weight acts as W + scale * U V^T.

    ``U`` (out, r), trained from zero. ``V`` (d, r), or (groups, d, r) for a grouped
    convolution: a buffer (NESS, fixed), or a parameter (LoRA, trained). The forms give the
    same outputs and gradients and differ in cost alone:

    - ``fold``: op(x, W + U V^T), one operation, the composition paid once a step;
    - ``factored``: op(x, W) + U op(x, V^T), the composition never formed;
    - ``auto``: whichever needs fewer multiplications for the input at hand.
    """

    U: nn.Parameter
    V: Tensor
    update_form: Form
    update_scale: float
    attributes: ClassVar[tuple[str, ...]] = ("U", "V", "update_form", "update_scale")

    @property
    def start(self) -> Tensor:
        return self.weight

    @property
    def trained(self) -> nn.Parameter:
        return self.U

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
            hidden = F.linear(x, self.V.mT)
            if x.dim() == 2:
                return torch.addmm(base, hidden, self.U.mT, alpha=self.update_scale)
            return base + self.update_scale * F.linear(hidden, self.U)
        assert isinstance(self, ConvNd)
        spatial = len(self.kernel_size)
        filters = self.V.mT.reshape(-1, *self.weight.shape[1:])
        pointwise = self.U.reshape(*self.U.shape, *(1 for _ in range(spatial)))
        mix = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[spatial]
        hidden = _apply(self, x, filters, None)
        return base + self.update_scale * mix(hidden, pointwise, groups=self.groups)


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
    require_free(layer)
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
    return attach_as(update, layer)


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
