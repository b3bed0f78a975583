"""What is measured: every ratio by name, its two sides, and what it is to be at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["step", "consolidate", "loop", "options"]
KINDS: dict[Kind, str] = {
    "step": "Training step",
    "consolidate": "Between two tasks",
    "loop": "Epoch",
    "options": "Training step with an option",
}
NETS = {
    "alexnet": "AlexNet",
    "mlp": "MLP, digits",
    "mlp_mnist": "MLP, MNIST",
    "resnet18": "ResNet18",
}
LIMITED = ("alexnet", "mlp", "resnet18")
"""The nets whose step has a limit. That of `mlp_mnist` protects as many directions of 784 pixels as
its layer has outputs, and projecting costs what the layer does."""


@dataclass(frozen=True)
class Bound:
    """What a ratio is meant to be at most, and what it must not pass."""

    goal: float
    limit: float | None = None


@dataclass(frozen=True)
class Quantity:
    """A ratio of two sides that are measured together, on every net."""

    kind: Kind
    title: str
    numerator: str
    denominator: str
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    """By net."""
    nets: tuple[str, ...] = tuple(NETS)
    """That it is measured on."""


def _everywhere(bound: Bound) -> dict[str, Bound]:
    return dict.fromkeys(NETS, bound)


QUANTITIES = {
    "step_vs_naive": Quantity(
        "step",
        "NESS / naive",
        "ness",
        "naive",
        _everywhere(Bound(1.15)) | dict.fromkeys(LIMITED, Bound(1.15, limit=1.3)),
    ),
    "step_vs_fold": Quantity(
        "step", "NESS / NESS that folds U Vᵀ", "ness", "fold", {"alexnet": Bound(0.5)}
    ),
    "step_half_vs_naive": Quantity("step", "NESS, half of all free / naive", "half", "naive"),
    "step_factored_vs_naive": Quantity("step", "NESS, factored / naive", "factored", "naive"),
    "step_frozen_vs_naive": Quantity("step", "heads alone / naive", "frozen", "naive"),
    "consolidate_vs_epoch": Quantity(
        "consolidate",
        "NESS, task 10 / naive epoch",
        "late",
        "epoch",
        {"alexnet": Bound(0.5), "resnet18": Bound(0.5)},
    ),
    "consolidate_sampled_vs_epoch": Quantity(
        "consolidate", "NESS, a tenth of all patches / naive epoch", "sampled", "epoch"
    ),
    "consolidate_growth": Quantity(
        "consolidate", "NESS, task 10 / task 2", "late", "early", _everywhere(Bound(1.1))
    ),
    "loop_vs_bare": Quantity(
        "loop",
        "Avalanche / bare loop",
        "harness",
        "bare",
        {"alexnet": Bound(1.05), "mlp": Bound(1.3), "mlp_mnist": Bound(1.3)},
    ),
    "channels_last_vs_plain": Quantity(
        "options", "channels last / plain", "channels_last", "plain", nets=("alexnet", "resnet18")
    ),
    "fast_dropout_vs_plain": Quantity(
        "options", "fast dropout / plain", "fast_dropout", "plain", nets=("alexnet",)
    ),
    "fused_vs_plain": Quantity(
        "options", "fused SGD / plain", "fused", "plain", nets=("alexnet", "resnet18")
    ),
}


def names(kind: Kind, net: str) -> dict[str, Quantity]:
    """The ratios, by full name, that one measurement of a net gives."""
    return {
        f"{name}/{net}": q for name, q in QUANTITIES.items() if q.kind == kind and net in q.nets
    }


def split(name: str) -> tuple[Quantity, str]:
    """A ratio's quantity and net, from its full name; raises `KeyError` for an unknown one."""
    quantity, _, net = name.partition("/")
    return QUANTITIES[quantity], net


def bounds() -> Iterator[tuple[str, Bound]]:
    """Every ratio that has a goal."""
    for name, quantity in QUANTITIES.items():
        for net, bound in quantity.bounds.items():
            yield f"{name}/{net}", bound
