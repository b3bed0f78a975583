"""What TRGP adds to GPM: bases of single tasks, and weights scaled within them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from baselines.gpm import padded
from baselines.projection import drop
from ness.adapter import LowRankUpdate, attach
from ness.nullspace import decompose
from ness.rows import Layer, weight_matrix


class ScaledSubspaces(LowRankUpdate):
    """A layer whose weight acts as W + sum_j W M_j D_j M_j^T, with D_j trained from zero.

    So it is W + sum_j (W M_j S_j M_j^T - W M_j M_j^T) with S_j = I + D_j. ``V`` holds the M_j side
    by side, (d, k) or (groups, d, k); ``U`` holds the D_j on the diagonal of a (k, k) matrix, or
    (groups, k, k), whose other blocks stay zero.
    """

    blocks: Tensor

    @classmethod
    def untrained(cls, layer: Layer, V: Tensor) -> Tensor:
        return layer.weight.new_zeros(*V.shape[:-2], V.shape[-1], V.shape[-1])

    def delta(self, dtype: torch.dtype | None = None) -> Tensor:
        W = weight_matrix(self, self.weight)
        W, V, D = (part.to(dtype or W.dtype) for part in (W, self.V, self.U * self.blocks))
        return (W @ V @ D @ V.mT).reshape(self.weight.shape)

    def forward(self, input: Tensor) -> Tensor:
        return self._folded(input)

    def detach_update(self) -> None:
        del self.blocks
        super().detach_update()


def attach_scales(layer: Layer, bases: Sequence[Tensor]) -> ScaledSubspaces:
    """Let a layer scale its weight within each of the bases M_j, (d, k_j) or (groups, d, k_j)."""
    adapted = attach(layer, torch.cat(list(bases), -1), form="fold", update=ScaledSubspaces)
    assert isinstance(adapted, ScaledSubspaces)
    sizes = [basis.shape[-1] for basis in bases]
    ones = [torch.ones(size, size) for size in sizes]
    adapted.register_buffer("blocks", torch.block_diag(*ones).to(layer.weight))
    return adapted


def scales(layer: ScaledSubspaces, bases: Sequence[Tensor]) -> list[Tensor]:
    """The trained D_j of a layer, as copies."""
    found, start = [], 0
    for basis in bases:
        part = slice(start, start + basis.shape[-1])
        found.append(layer.U.detach()[..., part, part].clone())
        start = part.stop
    return found


def scaled_part(W: Tensor, bases: Sequence[Tensor], Ds: Sequence[Tensor]) -> Tensor:
    """sum_j W M_j D_j M_j^T for a weight matrix W (..., out, d)."""
    parts = [W @ M.to(W) @ D.to(W) @ M.to(W).mT for M, D in zip(bases, Ds, strict=True)]
    return torch.stack(parts).sum(0) if parts else torch.zeros_like(W)


def trusted(
    gradient: Tensor, bases: Mapping[int, Tensor], *, threshold: float, most: int
) -> list[int]:
    """The tasks j whose inputs' subspace holds enough of a gradient (..., out, d).

    ``bases``: M_j by task. Of the ``most`` tasks with the largest ||g M_j M_j^T||, those where
    it is above ``threshold`` * ||g||; largest first.
    """
    held = {j: float((gradient @ M.to(gradient)).norm()) for j, M in bases.items()}
    best = sorted(held, key=lambda j: (-held[j], j))[:most]
    return [j for j in best if held[j] > threshold * float(gradient.norm())]


def task_basis(
    C: Tensor | None, M: Tensor, energy: float, *, drop_strongest: bool = False
) -> tuple[Tensor, Tensor]:
    """(basis of the task, union of all tasks' bases) for inputs with second moment M (..., d, d).

    ``C`` (..., d, k): the union so far. Its directions, with the energy c^T M c that the task has
    along each, and the eigenvectors of M outside it are ranked together; the leading ones until
    ``energy`` of trace M is held are the task's basis, and the new ones among them join the
    union. ``drop_strongest``: the strongest new one does not (the authors' off-by-one).
    """
    C = M.new_zeros(*M.shape[:-1], 0) if C is None else C.to(M)
    if M.dim() == 2:
        return _task_basis(C, M, energy, drop_strongest)
    pairs = [
        _task_basis(c, m, energy, drop_strongest)
        for c, m in zip(C.unbind(), M.unbind(), strict=True)
    ]
    basis, union = zip(*pairs, strict=True)
    return padded(basis), padded(union)


def _task_basis(C: Tensor, M: Tensor, energy: float, drop_strongest: bool) -> tuple[Tensor, Tensor]:
    C = C[:, C.any(0)]
    d, k = C.shape
    if M.trace() <= 0:
        return C[:, :0], C
    residual = drop(drop(M, C).mT, C)
    outside, directions = decompose((residual + residual.mT) / 2)
    # The d - k largest are outside C; the others are C's own, where the residual is nothing.
    outside, directions = outside.flip(0)[: d - k], directions.flip(1)[:, : d - k]
    ranked, order = torch.cat([(C * (M @ C)).sum(0), outside]).sort(descending=True, stable=True)
    taken = order[: int((ranked.cumsum(0) - ranked < energy * M.trace()).sum())]
    new = taken[taken > k] if drop_strongest else taken[taken >= k]
    every = torch.cat([C, drop(directions.mT, C).mT], 1)
    return every[:, taken], torch.cat([C, every[:, new]], 1)
