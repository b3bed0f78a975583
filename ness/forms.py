"""Which of the equal ways to train W + U V^T a layer gets."""

from __future__ import annotations

from typing import Any, Literal, get_args

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
    layer: Layer, space: NullSpace, *, form: NESSForm, optimizer: Any, whole: bool
) -> Attached:
    """Attach the update within a layer's free directions; its outputs do not change.

    ``auto``: ``projected`` under SGD, else the cheaper of ``fold`` and ``factored``
    (`ness.adapter.LowRankUpdate`). ``whole``: whether all rows of the weight are the update's; of
    a head some train freely or rest, and its factors are kept apart.
    """
    if whole and form in ("auto", "projected") and _equals_u(optimizer):
        return attach_projected(layer, space.V, space.C)
    return attach(layer, space.V, form="auto" if form == "projected" else form)


def _equals_u(optimizer: Any) -> bool:
    """Whether it moves a weight as it would move U: not where it scales single entries."""
    return type(optimizer) is SGD
