"""What every update attached to a layer in place shares: the life of the attachment.

The very same module object gets a subclass of its own class; its ``weight`` keeps name and object.
`Attached.merge` leaves the updated weight and gives the module its own class back, so that
between tasks nothing distinguishes it, or its ``state_dict``, from the user's. (A patched
``forward`` on the instance would break `copy.deepcopy`; a wrapper or a parametrisation would
rename ``weight``, which optimisers and other plugins know by name.)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ness.rows import ConvNd

A = TypeVar("A", bound="Attached")


def is_adaptable(module: nn.Module) -> bool:
    """Whether a module computes as `nn.Linear` or `nn.Conv1d/2d/3d` does, adapted or not.

    A subclass with a ``forward`` of its own computes something else and is left alone; so is a
    layer whose weight is computed (weight norm, pruning), which a merge could not change.
    """
    if "weight" not in module._parameters:
        return False
    return isinstance(module, Attached) or any(
        isinstance(module, kind) and type(module).forward is kind.forward
        for kind in (nn.Linear, *ConvNd)
    )


class Attached(nn.Module):
    """Mixin of an adapted layer: its weight acts as W0 plus an update that is being trained."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    attributes: ClassVar[tuple[str, ...]]
    """What the attachment has put on the module."""

    @property
    def start(self) -> Tensor:
        """W0, the weight that the update is added to."""
        raise NotImplementedError

    @property
    def trained(self) -> nn.Parameter:
        """The parameter whose training is that of the update."""
        raise NotImplementedError

    def delta(self, dtype: torch.dtype | None = None) -> Tensor:
        """The update, shaped like ``weight``, computed in ``dtype`` if given."""
        raise NotImplementedError

    @torch.no_grad()
    def merge(self) -> None:
        """W <- W0 + update (summed in float64), and the layer is its own class again."""
        merged = self.start.double() + self.delta(torch.float64)
        self.detach_update()
        self.weight.copy_(merged.to(self.weight.dtype))

    @torch.no_grad()
    def detach_update(self) -> None:
        """Drop the update, whatever it holds; the layer is its own class again, with weight W0."""
        if self.start is not self.weight:
            self.weight.copy_(self.start)
        for name in self.attributes:
            delattr(self, name)
        for key, hook in list(self._forward_pre_hooks.items()):
            if hook is _no_fast_path:
                del self._forward_pre_hooks[key]
        self.__class__ = type(self).__bases__[1]

    def __reduce_ex__(self, protocol: Any) -> Any:
        # The class is made on the fly, so pickle and deepcopy rebuild it from the user's own.
        return _blank, type(self).__bases__, self.__dict__


def require_free(layer: nn.Module) -> None:
    """Raise `ValueError` for a layer that no update can be attached to."""
    if isinstance(layer, Attached):
        raise ValueError("the layer already carries an update; merge it first")
    if not is_adaptable(layer):
        raise ValueError(f"{type(layer).__name__} is no Linear or Conv1d/2d/3d layer")


def attach_as(update: type[A], layer: nn.Module) -> A:
    """Make a layer, which has the attributes of the update already, compute as the update does."""
    layer.register_forward_pre_hook(_no_fast_path)
    kinds: tuple[Any, Any] = update, type(layer)
    module: Any = layer
    module.__class__ = _adapted_class(*kinds)
    adapted: A = module
    return adapted


def adapted_layers(layers: Mapping[str, nn.Module]) -> dict[str, Attached]:
    """Those of the layers that carry an update now."""
    return {name: layer for name, layer in layers.items() if isinstance(layer, Attached)}


def _no_fast_path(*_: Any) -> None:
    """A hook that does nothing: with one, torch's transformer layers call their Linear layers.

    Without, in eval mode, they read the weights and would not see the update.
    """


@cache
def _adapted_class(update: Any, kind: Any) -> type[Attached]:
    return type(f"{update.__name__}{kind.__name__}", (update, kind), {"__module__": __name__})


def _blank(update: Any, kind: Any) -> nn.Module:
    adapted = _adapted_class(update, kind)
    return adapted.__new__(adapted)
