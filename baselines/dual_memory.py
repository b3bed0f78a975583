"""A memory of protected directions that keeps whichever of it and its complement is smaller."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.energy import lacking
from baselines.gpm import extend_basis, padded
from baselines.projection import drop, keep
from ness.nullspace import decompose


@dataclass(frozen=True)
class DualMemory:
    """Protected directions of one layer's inputs (DualGPM: Liang, Li: CVPR 2023 and 2024).

    ``basis`` (..., d, m), float32, orthonormal columns (zero columns pad the groups of a grouped
    convolution): the protected directions, or with ``complement`` all others.
    """

    basis: Tensor
    complement: bool

    @classmethod
    def empty(cls, M: Tensor) -> DualMemory:
        """Nothing protected yet, of inputs with second moment M (..., d, d)."""
        return cls(M.new_zeros(*M.shape[:-1], 0), False)

    def free(self, delta: Tensor) -> Tensor:
        """The part of rows (..., n, d) that is orthogonal to all protected directions."""
        basis = self.basis.to(delta)
        return keep(delta, basis) if self.complement else drop(delta, basis)

    def extended(self, M: Tensor, energy: float) -> DualMemory:
        """The memory after inputs with second moment M (..., d, d), ``energy`` of them held.

        As in `baselines.gpm.extend_basis`: their leading directions outside the memory are
        added until the share ``energy`` of trace M is within it.
        """
        if self.complement:
            return DualMemory(_shrunk(self.basis.to(M), M, energy).float(), True)
        C = extend_basis(self.basis.to(M), M, energy)
        if 2 * C.shape[-1] <= C.shape[-2]:
            return DualMemory(C.float(), False)
        return DualMemory(_complement(C).float(), True)


def _complement(C: Tensor) -> Tensor:
    if C.dim() == 3:
        return padded([_complement(c) for c in C.unbind()])
    C = C[:, C.any(0)]
    Q: Tensor = torch.linalg.qr(C, mode="complete").Q
    return Q[:, C.shape[1] :]


def _shrunk(N: Tensor, M: Tensor, energy: float) -> Tensor:
    """The complement N without the leading directions of M in it."""
    if N.dim() == 3:
        return padded([_shrunk(n, m, energy) for n, m in zip(N.unbind(), M.unbind(), strict=True)])
    N, total = N[:, N.any(0)], M.trace()
    if total <= 0 or N.shape[1] == 0:
        return N
    outside = N.mT @ M @ N
    eigenvalues, eigenvectors = decompose((outside + outside.mT) / 2)
    left = N.shape[1] - lacking(eigenvalues, outside, total, energy)
    Q: Tensor = torch.linalg.qr(N @ eigenvectors[:, :left]).Q
    return Q
