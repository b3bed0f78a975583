"""Which layers a method adapts, which modules are heads, and what is frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from ness.attached import Attached, is_adaptable
from ness.compat import AVALANCHE_HEADS
from ness.rows import Layer

Patterns = str | Sequence[str] | None
_UNFINISHED = "_ness_unfinished_task"


def as_patterns(patterns: Patterns) -> tuple[str, ...]:
    """One shell-style pattern, several, or none, as a tuple."""
    if patterns is None:
        return ()
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def matching(patterns: Patterns, names: Iterable[str], argument: str) -> set[str]:
    """The names that match any pattern; a pattern that matches none is a `ValueError`."""
    known = list(names)
    found: set[str] = set()
    for pattern in as_patterns(patterns):
        hits = {name for name in known if fnmatchcase(name, pattern)}
        if not hits:
            raise ValueError(
                f"{argument} = {pattern!r} matches no layer; the model has {', '.join(known)}"
            )
        found |= hits
    return found


def find_heads(model: nn.Module, heads: Patterns = None) -> dict[str, nn.Module]:
    """The classifier modules: those named by ``heads``, else Avalanche's own classifiers.

    Being inside a MultiTaskModule makes nothing a head: that may be the whole net.
    """
    modules = {name: module for name, module in model.named_modules() if name}
    if heads is not None:
        named = matching(heads, modules, "heads")
    else:
        named = {name for name, module in modules.items() if isinstance(module, AVALANCHE_HEADS)}
    found: dict[str, nn.Module] = {}
    for name, module in modules.items():
        if name in named and not _is_within(name, found):
            found[name] = module
    return found


def _is_within(name: str, outer: Iterable[str]) -> bool:
    """Whether a module is one of those named ``outer``, or inside one."""
    return any(name == other or name.startswith(f"{other}.") for other in outer)


def head_parameters(model: nn.Module, heads: Patterns, experience: Any) -> list[nn.Parameter]:
    """The parameters of the heads that a task-incremental experience's tasks use.

    A multi-head classifier gives those of its task labels, and so does a ModuleList or
    ModuleDict that has them. Any other head gives all.
    """
    wanted: list[nn.Parameter] = []
    labels = _labels(experience)
    for head in find_heads(model, heads).values():
        members = _per_task(head, labels)
        for module in [members[label] for label in sorted(labels)] if members else [head]:
            wanted += module.parameters()
    return wanted


def shared_head(model: nn.Module, heads: Patterns, experience: Any) -> list[str]:
    """The name of the head, where a task-incremental model has a single one for all tasks."""
    found = find_heads(model, heads)
    shared = [name for name, head in found.items() if not _per_task(head, _labels(experience))]
    return shared if len(found) == 1 else []


def _labels(experience: Any) -> set[str]:
    return {str(label) for label in getattr(experience, "task_labels", [])}


def _per_task(head: nn.Module, labels: set[str]) -> dict[str, nn.Module]:
    """The heads of single tasks by label, where a head has all of the ``labels``; else none."""
    members = getattr(head, "classifiers", head)
    keyed = isinstance(members, nn.ModuleDict | nn.ModuleList) and bool(labels)
    children = dict(members.named_children()) if keyed else {}
    return children if labels <= set(children) else {}


def select_layers(
    model: nn.Module,
    *,
    include: Patterns = None,
    exclude: Patterns = None,
    heads: Patterns = None,
) -> dict[str, Layer]:
    """The Linear and convolution layers to adapt, by name, in the model's order.

    All but the heads, or those that match ``include``, less those that match ``exclude``.
    Raises `ValueError` for a pattern without a match and for a layer whose weight is also
    the Parameter of another module (one basis cannot serve two inputs).
    """
    head_names = find_heads(model, heads)
    layers: dict[str, Layer] = {}
    for name, module in model.named_modules():
        if is_adaptable(module) and not _is_within(name, head_names):
            layers[name] = module
    if include is not None:
        wanted = matching(include, layers, "include")
        layers = {name: layer for name, layer in layers.items() if name in wanted}
    for name in matching(exclude, layers, "exclude"):
        del layers[name]
    _refuse_shared_parameters(model, layers)
    return layers


def _refuse_shared_parameters(model: nn.Module, layers: dict[str, Layer]) -> None:
    owners: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        for parameter in module._parameters.values():
            owners.setdefault(id(parameter), []).append(name)
    for layer in layers.values():
        names = owners[id(layer.weight)]
        if len(names) > 1:
            raise ValueError(
                f"layers {' and '.join(map(repr, names))} share one Parameter, which cannot be "
                f"adapted for two inputs: exclude the adapted one with exclude="
            )


def mark_task(model: nn.Module) -> None:
    """Note on the model itself what `release` restores: every parameter's flag, by name."""
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    model.__dict__[_UNFINISHED] = (flags, [])


def in_task(model: nn.Module) -> bool:
    """Whether a method is at work on the model: between `mark_task` and `release`."""
    return _UNFINISHED in model.__dict__


def at_release(model: nn.Module, undo: Callable[[], None]) -> None:
    """Have `release` call ``undo`` too, if the model is in a task."""
    if in_task(model):
        model.__dict__[_UNFINISHED][1].append(undo)


def release(model: nn.Module) -> None:
    """Give back a model whose task has ended, or was interrupted, as it was before the task.

    Updates that are still attached are dropped, parameters that the task froze train again;
    the weights stay as they are. Nothing happens to a model that is in no task. Methods call
    it by themselves; call it before a model from an interrupted task goes elsewhere.
    """
    if not in_task(model):
        return
    flags, undos = model.__dict__.pop(_UNFINISHED)
    for undo in undos:
        undo()
    for module in model.modules():
        if isinstance(module, Attached):
            module.detach_update()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(flags.get(name, parameter.requires_grad))


def freeze(model: nn.Module, trainable: Iterable[Tensor]) -> None:
    """Freeze all but ``trainable``; what was frozen before stays frozen, listed or not."""
    keep = {id(parameter) for parameter in trainable}
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.requires_grad and id(parameter) in keep)
        if not parameter.requires_grad:
            parameter.grad = None  # or a gradient of zeros lets the optimiser decay it


NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def is_norm(module: nn.Module) -> bool:
    """A normalisation layer: torch's own, or any module with running statistics."""
    return isinstance(module, NORMS) or hasattr(module, "running_mean")


def keeps_running_statistics(module: nn.Module) -> bool:
    """A norm layer whose buffers move in training mode and are used in eval mode."""
    return is_norm(module) and getattr(module, "running_mean", None) is not None


def norm_parameters(model: nn.Module, heads: Patterns) -> dict[str, nn.Parameter]:
    """Parameters of the norm layers outside the heads, by name."""
    in_heads = {id(p) for head in find_heads(model, heads).values() for p in head.parameters()}
    norms = {id(p) for m in model.modules() if is_norm(m) for p in m.parameters()} - in_heads
    return {name: p for name, p in model.named_parameters() if id(p) in norms}


def describe_frozen(
    model: nn.Module, layers: Iterable[str], heads: Patterns, *, norms: bool = True
) -> dict[str, list[str]]:
    """Modules with parameters of their own that are neither adapted nor heads, by class name.

    ``norms``: whether norm layers are among them.
    """
    adapted, head_names = set(layers), find_heads(model, heads)
    frozen: dict[str, list[str]] = {}
    for name, module in model.named_modules():
        if is_norm(module) and not norms:
            continue
        if name not in adapted and module._parameters and not _is_within(name, head_names):
            frozen.setdefault(type(module).__name__, []).append(name or "(the model itself)")
    return frozen
