"""How far two bases of free directions are apart, and how much of a layer's inputs one lets in."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ness.nullspace import ratio, response


def principal_angles(A: Tensor, B: Tensor) -> Tensor:
    """Principal angles in degrees, rising, between the spans of orthonormal columns (d, a), (d, b).

    There are min(a, b) of them: what the larger space has besides is not seen. They are arc
    cosines, and so right to about 1e-6 degrees.
    """
    cosines = torch.linalg.svdvals(A.mT @ B).clamp(max=1)
    return torch.rad2deg(torch.acos(cosines))


def leak(V: Tensor, M: Tensor) -> float:
    """||X V||_F / ||X||_F of inputs X with second moment M (d, d): the share, as a root mean
    square, of these inputs along the directions V (d, r)."""
    return math.sqrt(ratio(response(V.mT, M), float(M.trace())))
