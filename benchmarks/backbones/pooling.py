"""Max-pooling by 2, without what only its gradient needs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def max_pool(x: Tensor) -> Tensor:
    """`F.max_pool2d(x, 2)` of images (n, channels, h, w).

    On the CPU that notes where each maximum was, even if nobody asks for a gradient, and takes ten
    times as long: a third of an evaluation of AlexNet. The values are the same, bit for bit.
    """
    asked = torch.is_grad_enabled() and x.requires_grad
    if x.device.type != "cpu" or asked or min(x.shape[-2:]) < 2:  # torch says what is wrong
        return F.max_pool2d(x, 2)
    height, width = (side // 2 * 2 for side in x.shape[-2:])
    x = x[..., :height, :width]
    x = torch.maximum(x[..., ::2, :], x[..., 1::2, :])
    return torch.maximum(x[..., ::2], x[..., 1::2])
