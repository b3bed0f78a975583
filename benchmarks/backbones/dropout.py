"""Dropout, with masks that cost less on the CPU where a spec asks for them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 2**16
"""Probabilities that 16 random bits tell apart."""


def dropout(x: Tensor, p: float, training: bool, *, fast: bool = False) -> Tensor:
    """`F.dropout`; with ``fast`` on the CPU from 16 random bits an element.

    Both draw from torch's global generator, and the same seed gives the same mask, but ``fast``
    another one than torch's, whose numbers are most of the cost. It rounds p to a multiple of
    1 / 65,536, and scales by the rounded one, so that the expectation is that of x.
    """
    zeroed = min(round(p * LEVELS), LEVELS - 1)
    if not (fast and training and zeroed and x.device.type == "cpu"):
        return F.dropout(x, p, training)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = (words.view(torch.int16)[: x.numel()] >= zeroed - LEVELS // 2).to(x.dtype)
    kept.mul_(LEVELS / (LEVELS - zeroed))
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x * kept.as_strided(x.shape, x.stride())
    return x * kept.view(x.shape)
