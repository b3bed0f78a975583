"""Which of the equal ways to train W + U V^T a layer gets."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.optim import SGD

from ness.adapter import attach
from ness.attached import Attached
from ness.nullspace import NullSpace
from ness.projected import attach_projected
from ness.rows import Layer

NESSForm = Literal["auto", "fold", "factored", "projected"]


def check_ness_form(form: str) -> None:
    """Raise `ValueError` for a form that does not exist."""
    known = get_args(NESSForm)
    if form not in known:
        raise ValueError(f"form = {form!r} is unknown; choose one of {', '.join(known)}")


def check_optimizer(form: NESSForm, optimizer: Any) -> None:
    """Raise `ValueError` for ``projected`` where training the weight is not training U."""
    if form == "projected" and not _equals_u(optimizer):
        raise ValueError(
            f"form = 'projected' equals training U under torch.optim.SGD alone, and the optimiser "
            f"is {type(optimizer).__name__}: choose form = 'auto'"
        )


def attach_update(
    layer: Layer,
    space: NullSpace,
    *,
    form: NESSForm,
    optimizer: Any,
    whole: bool = True,
    rows: int = 64,
    first: bool = False,
) -> Attached:
    """Attach the update within a layer's free directions; its outputs do not change.

    ``auto``: the cheaper of ``projected`` and ``factored`` under SGD; elsewhere that of ``fold``
    and ``factored`` (`ness.adapter.LowRankUpdate`). ``whole``: whether all rows of the weight are
    the update's; of a head some train freely or rest, and its factors are kept apart. ``rows``:
    samples of a batch. ``first``: whether nothing below the layer trains. The last two decide
    costs alone.

    Raises `ValueError` for ``projected`` where the weight is of half precision.
    """
    projects = form == "projected" or (
        form == "auto" and not _factored_is_cheaper(layer, space, rows, first)
    )
    exact = layer.weight.dtype in (torch.float32, torch.float64)
    if form == "projected" and not exact:
        raise ValueError(
            f"form = 'projected' moves a {layer.weight.dtype} weight by steps that it rounds away: "
            f"choose form = 'factored', whose U begins at zero"
        )
    if whole and projects and exact and _equals_u(optimizer):
        return attach_projected(layer, space.V, space.C)
    return attach(layer, space.V, form="auto" if form == "projected" else form)


_OPTIMISER = 100
"""Multiplications in the time that SGD takes for an entry of a weight, in six passes over it; here,
on a CPU, where `_PROJECTION` is what a gradient outside torch's own takes beside its products."""
_PROJECTION = 5_000_000


def _factored_is_cheaper(layer: Layer, space: NullSpace, rows: int, first: bool) -> bool:
    """Whether for a Linear layer two thin products cost less than a projected gradient.

    A row takes r (d + 2 out) multiplications, and r (d + out) for the gradient of its inputs;
    projected d out for the weight's gradient and 2 d k for its projection, k the fewer of V's and
    C's columns. A convolution with so many small filters is slower than these numbers.
    """
    if not isinstance(layer, nn.Linear):
        return False
    out, d = layer.weight.shape
    r, k = space.V.shape[-1], min(space.V.shape[-1], space.C.shape[-1])
    factored = rows * r * ((d + 2 * out) if first else (2 * d + 3 * out)) + _OPTIMISER * out * r
    projected = rows * d * (out + 2 * k) + _OPTIMISER * out * d + _PROJECTION
    return factored < projected


def _equals_u(optimizer: Any) -> bool:
    """Whether it moves a weight as it would move U: not where it scales single entries."""
    return type(optimizer) is SGD
