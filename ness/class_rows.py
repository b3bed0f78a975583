"""Which rows of a single head a task may move: class- and domain-incremental streams.

With one head for all tasks a class is a row of its last Linear layer. In a task,

- rows of classes that were never trained (all of them, class-incremental) train freely;
- rows of classes that are trained again (all of them, domain-incremental) are adapted like
  any layer: their inputs are protected;
- all other rows rest: no gradient, no weight decay, no momentum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ness.adapter import LowRankUpdate
from ness.attached import is_adaptable
from ness.layers import Patterns, find_heads


@dataclass(frozen=True)
class ClassRows:
    """Masks (out,) over the rows of a head's last layer, for the current task."""

    new: Tensor
    known: Tensor


def head_layers(model: nn.Module, heads: Patterns, task_label: int) -> dict[str, list[str]]:
    """Names of the Linear and convolution layers inside each head, by the head's name.

    Of a multi-head classifier only the head that ``task_label`` uses.
    """
    found: dict[str, list[str]] = {}
    for head_name, head in find_heads(model, heads).items():
        per_task = getattr(head, "classifiers", None)
        if isinstance(per_task, nn.ModuleDict) and str(task_label) in per_task:
            head_name, head = f"{head_name}.classifiers.{task_label}", per_task[str(task_label)]
        inside = [name for name, module in head.named_modules() if is_adaptable(module)]
        found[head_name] = [f"{head_name}.{name}" if name else head_name for name in inside]
    return found


def class_layers(model: nn.Module, heads: Patterns, task_label: int) -> dict[str, nn.Linear]:
    """The last Linear layer of every head, by name: a row is a class.

    Raises `ValueError` for a head without one: its classes cannot be told apart.
    """
    found: dict[str, nn.Linear] = {}
    for head, inside in head_layers(model, heads, task_label).items():
        layer = model.get_submodule(inside[-1]) if inside else None
        if not isinstance(layer, nn.Linear):
            raise ValueError(
                f"head {head!r} ({type(model.get_submodule(head)).__name__}) ends in no Linear "
                f"layer: with one head for all tasks its classes cannot be told apart; use one "
                f"that does"
            )
        found[inside[-1]] = layer
    if len({layer.out_features for layer in found.values()}) > 1:
        sizes = ", ".join(f"{name!r} has {layer.out_features}" for name, layer in found.items())
        raise ValueError(
            f"one head for all tasks ends in one layer with a row a class, but {sizes}: name the "
            f"module that holds all of the classifier with heads="
        )
    return found


def class_rows(
    layers: Mapping[str, nn.Linear], classes: Iterable[int], seen: Iterable[int]
) -> dict[str, ClassRows]:
    """The rows of ``classes``, split by whether they were ``seen`` in an earlier task.

    Raises `ValueError` for a class that a layer has no row for.
    """
    rows = {}
    current, before = set(classes), set(seen)
    for name, layer in layers.items():
        out = layer.out_features
        if current and max(current) >= out:
            raise ValueError(
                f"class {max(current)} has no row in head {name!r}, which has {out}: with one head "
                f"for all tasks labels count from zero over all classes"
            )
        new, known = torch.zeros(2, out, dtype=torch.bool, device=layer.weight.device)
        new[list(current - before)] = True
        known[list(current & before)] = True
        rows[name] = ClassRows(new, known)
    return rows


class _ZeroedRows:
    """A gradient hook; no closure, so that a model can be pickled in mid-task."""

    def __init__(self, resting: Tensor) -> None:
        self.resting = resting

    def __call__(self, gradient: Tensor) -> Tensor:
        return gradient.masked_fill(self.resting, 0)


class RowLimits:
    """Parameters of which only some rows may move: the others keep their values in any step."""

    def __init__(self) -> None:
        self._limits: list[tuple[Tensor, Tensor]] = []
        self._hooks: list[RemovableHandle] = []
        self._before: list[Tensor] = []

    def add(self, parameter: Tensor, rows: Tensor) -> None:
        """Limit a parameter (out, ...) to ``rows`` (out,).

        Gradients of the others are zero as they arise, so that whatever measures or clips them
        sees no other.
        """
        if rows.all():
            return
        resting = ~rows
        self._limits.append((parameter, resting))
        if parameter.requires_grad:
            wide = resting.view(-1, *(1 for _ in parameter.shape[1:]))
            self._hooks.append(parameter.register_hook(_ZeroedRows(wide)))

    def clear(self) -> None:
        """Limit nothing any more."""
        for hook in self._hooks:
            hook.remove()
        self._limits, self._hooks, self._before = [], [], []

    def remember(self) -> None:
        """Take the values that `restore` puts back."""
        self._before = [p.detach()[resting].clone() for p, resting in self._limits]

    def restore(self) -> None:
        """Undo what weight decay, momentum and the like did to the rows that rest."""
        if not self._before:
            return
        with torch.no_grad():
            for (parameter, resting), before in zip(self._limits, self._before, strict=False):
                parameter[resting] = before
        self._before = []


def limit_rows(
    limits: RowLimits,
    layer: nn.Module,
    rows: ClassRows,
    trained: set[int],
) -> list[Tensor]:
    """Limit a head's last layer to the rows of the task; the parameters of it that train.

    ``trained``: ids of the parameters that the method trains by itself, so that known rows may
    move through them; new rows move in any case.
    """
    moving: list[Tensor] = []
    for parameter in (layer.weight, layer.bias):
        if isinstance(parameter, Tensor):
            allowed = rows.new | rows.known if id(parameter) in trained else rows.new
            if allowed.any():
                limits.add(parameter, allowed)
                moving.append(parameter)
    if isinstance(layer, LowRankUpdate):
        limits.add(layer.U, rows.known)
        moving.append(layer.U)
    return moving
