"""The update W0 + U V^T trained as the weight itself, its gradient kept in the span of V.

With D = W - W0 and G the gradient of the loss in W, training U from zero with SGD moves D = U V^T
by the gradient G V V^T: the columns of V are orthonormal, so momentum, dampening, Nesterov and
decay of U are those of D, and so is the norm of the gradient. No product U V^T is ever formed: a
step costs what it costs without the constraint.

It is not the same where something acts on single entries or past the layer's forward: optimisers
that scale each entry of the gradient (Adam), clipping by value, noise, penalties that the loss
puts on the model's parameters. These take ``form = "factored"``. What a penalty moves outside the
span of V is dropped at the merge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ness.attached import Attached, attach_as, require_free
from ness.rows import ConvNd, Layer, weight_matrix


class ProjectedWeight(Attached):
    """Mixin of a layer whose weight trains with the gradient G V V^T.

    ``base``: W0, the weight that it started from. ``basis``: (d, k), or (groups, d, k) for a
    grouped convolution: the columns of V, or of its complement C where those are fewer (V V^T = I -
    C C^T). The gradient of what the layer computes arises projected, so that whatever measures it
    or clips its norm sees no other.
    """

    base: Tensor
    basis: Tensor
    complement: bool
    attributes: ClassVar[tuple[str, ...]] = ("base", "basis", "complement")

    @property
    def start(self) -> Tensor:
        return self.base

    @property
    def trained(self) -> nn.Parameter:
        return self.weight

    def project(self, rows: Tensor) -> Tensor:
        """rows V V^T, for rows (n, d) or (groups, n, d)."""
        basis = self.basis.to(rows.dtype)
        inside = rows @ basis
        if not self.complement:
            return inside @ basis.mT
        subtract = torch.baddbmm if rows.dim() == 3 else torch.addmm
        return subtract(rows, inside, basis.mT, alpha=-1)

    def project_weight(self, matrix: Tensor) -> Tensor:
        """The same for what is shaped like ``weight``."""
        return self.project(weight_matrix(self, matrix)).reshape(matrix.shape)

    def delta(self, dtype: torch.dtype | None = None) -> Tensor:
        moved = self.weight.to(dtype or self.weight.dtype) - self.base.to(dtype or self.base.dtype)
        return self.project_weight(moved)  # without what rounding added outside the span of V

    def forward(self, input: Tensor) -> Tensor:
        weight: Tensor = self.weight
        if torch.is_grad_enabled() and weight.requires_grad:
            if self._by_inputs(input):
                result: Tensor = _ProjectedLinear.apply(input, weight, self.bias, self.project)
                return result
            weight = _ProjectedGradient.apply(weight, self.project_weight)
        if isinstance(self, nn.Linear):
            return F.linear(input, weight, self.bias)
        assert isinstance(self, ConvNd)
        return self._conv_forward(input, weight, self.bias)

    def _by_inputs(self, x: Tensor) -> bool:
        """Whether to project the inputs of the weight's gradient, and not the gradient itself.

        The same, since G = Y^T X for inputs X and gradients Y of the outputs, and cheaper where a
        batch has fewer rows than the layer has outputs.
        """
        return isinstance(self, nn.Linear) and x.numel() < self.out_features * self.in_features


def attach_projected(layer: Layer, V: Tensor, C: Tensor) -> ProjectedWeight:
    """Train a layer's own weight within W0 + U V^T; the layer's outputs do not change.

    ``V``: (d, r), or (groups, d, r) for a grouped convolution, orthonormal columns (zero columns
    where a group has fewer). ``C``: what V leaves out, (..., d, k), likewise.

    Raises `ValueError` for a layer of another kind and one already adapted.
    """
    require_free(layer)
    complement = C.shape[-1] < V.shape[-1]
    basis = C if complement else V
    weight = layer.weight
    layer.register_buffer("base", weight.detach().clone())
    layer.register_buffer("basis", basis.detach().to(weight.device, weight.dtype).contiguous())
    layer.complement = complement  # type: ignore[assignment]
    return attach_as(ProjectedWeight, layer)


class DecayFromBase:
    """Turns the weight decay of every step from W into that of D = W - W0, as U would have it.

    The optimiser adds decay * W to the gradient: for the time of a step the gradient is another,
    with decay * W0 taken off. The optimiser's hooks are where nothing clips or logs it any more.
    A step that is given a closure raises `ValueError`: its gradients come after the hook.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, layers: Iterable[Attached]) -> None:
        self.layers = [layer for layer in layers if isinstance(layer, ProjectedWeight)]
        self._gradients: list[tuple[nn.Parameter, Tensor]] = []
        self._handles = [
            optimizer.register_step_pre_hook(self._before),
            optimizer.register_step_post_hook(self._after),
        ]

    def remove(self) -> None:
        """Leave the optimiser as it was."""
        for handle in self._handles:
            handle.remove()

    @torch.no_grad()
    def _before(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self.layers and (len(args) > 1 or kwargs.get("closure") is not None):
            raise ValueError(
                "optimizer.step(closure) beside form = 'projected', which changes gradients before "
                "the step: choose form = 'factored'"
            )
        groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
        for layer in self.layers:
            weight, gradient = layer.weight, layer.weight.grad
            group = groups.get(id(weight))
            if group is not None and group["weight_decay"] and gradient is not None:
                decay = -group["weight_decay"] if group["maximize"] else group["weight_decay"]
                self._gradients.append((weight, gradient))
                weight.grad = torch.sub(gradient, layer.base, alpha=decay)

    def _after(self, *_: Any) -> None:
        for weight, gradient in self._gradients:
            weight.grad = gradient
        self._gradients.clear()


class _ProjectedGradient(torch.autograd.Function):
    """A weight as it is, whose gradient is projected."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, project: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.project = project
        return weight.view_as(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        with _exactly(gradient.device.type):
            return ctx.project(gradient), None


class _ProjectedLinear(torch.autograd.Function):
    """A Linear layer whose weight's gradient is taken with projected inputs."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        project: Callable[[Tensor], Tensor],
    ) -> Tensor:
        ctx.project = project
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        wanted_x, _, wanted_bias, _ = ctx.needs_input_grad
        with _exactly(gradient.device.type):
            # In the weight's precision whatever that of x is: protection is no better than this.
            rows = gradient.reshape(-1, weight.shape[0]).to(weight.dtype)
            inputs = ctx.project(x.reshape(-1, weight.shape[1]).to(weight.dtype))
            return (
                gradient @ weight.to(gradient.dtype) if wanted_x else None,
                rows.mT @ inputs,
                rows.sum(0) if wanted_bias else None,
                None,
            )


def _exactly(device_type: str) -> AbstractContextManager[Any]:
    """Outside autocast. Entering that costs as much as the products of a small layer."""
    if torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()
